//! A real program under a low limit: Python raises MemoryError where it needs more, and goes on.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PYTHON: &str = "/usr/bin/python3";

fn library() -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    let folder = env::var_os("METES_LIB_DIR").map_or_else(|| Path::new(root).join("target/release"), PathBuf::from);
    let path = folder.join("libmetes.so");
    assert!(path.exists(), "{} is missing: run `make` first", path.display());
    path
}

fn python(limit: &str, script: &str) -> Output {
    let mut command = Command::new(PYTHON);
    command.args(["-c", script]).env("LD_PRELOAD", library()).env("PYTHONMALLOC", "malloc");
    command.env("METES_OPTIONS", format!("limit={limit}")).output().expect("python3 is installed")
}

#[test]
fn python_raises_memory_error_and_goes_on() {
    let script = "
kinds = [lambda: bytes(1000), lambda: bytearray(100_000), lambda: [None] * 500_000, lambda: {n: str(n) for n in range(1000)}]
for kind in kinds:
    for round in range(2):
        kept = []
        try:
            while True:
                kept.append(kind())
        except MemoryError:
            # Most of it could be had, and is free again from here on.
            assert len(kept) > 5
            del kept
print('went on', sum(len(str(n)) for n in range(100_000)))
";
    let output = python("64m", script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "went on 488890\n");
    assert_eq!(errors, "");
}

#[test]
fn python_ends_with_a_traceback_when_it_does_not_catch_it() {
    let output = python("64m", "kept = [bytes(1000) for n in range(1_000_000)]");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.ends_with("MemoryError\n") && !errors.contains("metes"), "{errors}");
}

#[test]
fn python_does_not_notice_a_limit_that_is_high_enough() {
    let output = python("64m", "print(sum(len(bytes(n)) for n in range(20_000)))");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "199990000\n");
}
