//! The guide: its commands exist, and those that count say what stands below them.

mod common;

use std::path::Path;
use std::process::Command;

#[test]
fn guide_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert!(common::library().exists());
    let ran = Command::new(root.join("scripts/make-guide"))
        .arg("--check")
        .env("METES_TOOL", env!("CARGO_BIN_EXE_metes"))
        .env_remove("METES_OPTIONS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("15 chapters, 0 problems"), "{said}");
}
