//! `metes_check`, which runs every validator, and `verify=N`, which runs them every N calls.

use crate::base::code::Code;
use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::compartment::table;
use crate::debug::scan;
use crate::heap::check::Broken;
use crate::process::{options, start, statics};
use crate::sys::valgrind;
use crate::trace::report;
use core::fmt::Write;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The first broken invariant of the whole allocator. Locks one arena after the other, so other
/// threads go on. A signal handler that interrupted an operation skips that operation's arena.
pub fn check() -> Result<(), Broken> {
    start::ensure();
    valgrind::quietly(|| {
        for arena in statics::arenas() {
            if let Some(heap) = arena.enter_patiently(Operation::Other) {
                heap.check()?;
            }
        }
        for compartment in table::shared() {
            if let Some(mut heap) = compartment.enter_shared() {
                heap.check().map_err(|(what, address)| Broken { what, address })?;
            }
        }
        statics::MAPPINGS.check()?;
        scan::check()
    })
}

/// A broken invariant in words.
pub fn describe(broken: Broken) -> Line<128> {
    let mut text = Line::new();
    // A write to a `Line` never fails.
    let _ = match broken.address {
        0 => write!(text, "{}", broken.what),
        address => write!(text, "{} at {address:#x}", broken.what),
    };
    text
}

/// Called at each call: runs the validators if it is time.
#[inline]
pub fn tick() {
    let every = options::verify();
    if every != 0 {
        tick_slow(every);
    }
}

#[cold]
#[inline(never)]
fn tick_slow(every: usize) {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    if CALLS.fetch_add(1, Ordering::Relaxed) % every != every - 1 {
        return;
    }
    if let Err(broken) = check() {
        let text = describe(broken);
        report::misuse(Code::HeapDamaged, broken.address, format_args!("{}", text.as_str()));
    }
}
