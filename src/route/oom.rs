//! What the program wants to be asked when there is no memory: a handler that may free something, after which the request is tried
//! again.
//!
//! It is called by the thread that asked, where no lock of ours is held: not when a signal handler asked that interrupted an operation, not
//! inside fork, and not when the handler itself asks, on the same thread.

use crate::base::code::Code;
use crate::base::config::REQUEST_MAX;
use crate::base::mangled::{MangledFn, Overwritten};
use crate::cache::cache::Cache;
use crate::process::{start, statics};
use crate::sys::{errno, thread};
use crate::trace::report;
use core::ffi::c_int;

/// Called when a request for so many bytes cannot be served. It returns other than 0 if the request is to be tried again, as it has freed
/// something, and 0 if the request is to fail. It has to return: no exception, no longjmp. It may allocate and free; what it cannot have
/// fails without another call.
pub type OomHandler = extern "C" fn(bytes: usize) -> c_int;

static HANDLER: MangledFn<OomHandler> = MangledFn::none();

fn handler(known: Result<Option<OomHandler>, Overwritten>) -> Option<OomHandler> {
    let Ok(handler) = known else {
        let text = format_args!("the address of the handler for lack of memory was overwritten");
        report::misuse(Code::HeapDamaged, 0, text)
    };
    handler
}

/// Sets the process's handler, or none, and returns the one before. Thread-safe.
pub fn set_handler(new: Option<OomHandler>) -> Option<OomHandler> {
    // The secret has to be there.
    start::ensure();
    handler(HANDLER.swap(new))
}

/// What a request gets: `first`, or, where that is null as a fork kept arenas frozen meanwhile, what `again` gives when none does.
pub fn beside_forks(first: *mut u8, again: impl Fn() -> *mut u8) -> *mut u8 {
    /// A program that forks all the time is not waited for for ever.
    const TRIES: usize = 100;
    if !first.is_null() || thread::is_in_operation() || thread::set_repeating(true) {
        return first;
    }
    let (mut block, mut left) = (first, TRIES);
    // It may have been turned away before this request, too: then this is in vain once.
    while block.is_null() && thread::set_turned_away(false) && left != 0 {
        left -= 1;
        statics::wait_for_forks();
        block = again();
    }
    thread::set_repeating(false);
    block
}

/// What a request for so many bytes gets: `first`, or, where that is null and as long as the handler says so, what `again` gives.
#[inline]
pub fn retry(bytes: usize, first: *mut u8, again: impl Fn() -> *mut u8) -> *mut u8 {
    let mut block = first;
    while block.is_null() && ask(bytes) {
        block = without_handler(&again);
    }
    block
}

/// Runs `f`; whatever fails in it does so without asking the handler.
#[inline]
pub fn without_handler<R>(f: impl FnOnce() -> R) -> R {
    let before = thread::set_without_oom_handler(true);
    let result = f();
    thread::set_without_oom_handler(before);
    result
}

/// Asks the handler, if there is one and it may be called here. Keeps errno.
#[cold]
#[inline(never)]
fn ask(bytes: usize) -> bool {
    let Some(handler) = handler(HANDLER.get()) else { return false };
    if bytes > REQUEST_MAX {
        return false;
    }
    // Inside fork a thread counts as inside. A cache whose gate is closed is being worked on by what this thread's signal handler has interrupted.
    let interrupted = thread::is_in_operation() || Cache::mine().is_some_and(|cache| !cache.is_open());
    if interrupted || thread::is_without_oom_handler() {
        return false;
    }
    without_handler(|| errno::keeping_errno(|| handler(bytes))) != 0
}
