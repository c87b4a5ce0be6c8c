//! The thread word for targets without inline assembly of ours, and the names of our own `cfg`s: `tsan` is set by `scripts/tsan`, `pages` by `scripts/test-pages`.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/sys/thread_shim.c");
    println!("cargo:rustc-check-cfg=cfg(thread_shim, tsan)");
    println!("cargo:rustc-check-cfg=cfg(pages, values(\"16k\", \"64k\"))");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86_64" | "aarch64") {
        println!("cargo:rustc-cfg=thread_shim");
        cc::Build::new().file("src/sys/thread_shim.c").compile("metes_thread_shim");
    }
}
