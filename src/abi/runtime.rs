//! What a `no_std` library that stands alone must bring: a panic handler and the panic=abort guard.

use crate::trace::report;

#[cfg(not(any(panic = "abort", doc)))]
compile_error!("the exporting flavour must be built with panic = \"abort\": build it with `make`");

/// A panic is a bug of metes: says where, and stops. Nothing unwinds into the program.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::bug(format_args!("{info}"))
}
