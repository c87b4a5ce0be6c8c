//! What a `no_std` library that stands alone must bring: a panic handler and the panic=abort guard.

#![cfg_attr(target_arch = "aarch64", allow(unsafe_code))]

use crate::trace::report;

#[cfg(not(any(panic = "abort", doc)))]
compile_error!("the exporting flavour must be built with panic = \"abort\": build it with `make`");

/// A panic is a bug of metes: says where, and stops. Nothing unwinds into the program.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::bug(format_args!("{info}"))
}

// compiler_builtins of aarch64 names the function by which Rust unwinds. Nothing unwinds here: it is never called.
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(".globl rust_eh_personality", ".hidden rust_eh_personality", "rust_eh_personality:", "brk #1");
