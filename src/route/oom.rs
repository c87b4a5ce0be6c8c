//! The program's handler for lack of memory. It may free something, after which the request is tried again.
//!
//! The thread that asked calls it, where none of our locks is held. It is not called for a signal handler that has
//! interrupted an operation, inside fork, or for a request of the handler itself, on the same thread.

use crate::base::code::Code;
use crate::base::config::REQUEST_MAX;
use crate::base::mangled::{MangledFn, Overwritten};
use crate::cache::cache::Cache;
use crate::process::{start, statics};
use crate::sys::{errno, thread};
use crate::trace::report;
use core::ffi::c_int;

/// Called when a request for `bytes` bytes cannot be served. A result other than 0 says that the handler has freed
/// something and the request is to be tried again; 0 says that it is to fail. The handler has to return: no exception,
/// no longjmp. It may allocate and free; a request of its own that cannot be served fails without another call.
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

/// What a request gets: `first`; or, if that is null because a fork kept arenas frozen, what `again`
/// returns when they have thawed.
pub fn beside_forks(first: *mut u8, again: impl Fn() -> *mut u8) -> *mut u8 {
    /// The wait for a program that forks all the time is bounded.
    const TRIES: usize = 100;
    if !first.is_null() || thread::is_in_operation() || thread::set_repeating(true) {
        return first;
    }
    let (mut block, mut left) = (first, TRIES);
    // The thread may have been turned away before this request, too. Then one round is in vain.
    while block.is_null() && thread::set_turned_away(false) && left != 0 {
        left -= 1;
        statics::wait_for_forks();
        block = again();
    }
    thread::set_repeating(false);
    block
}

/// What a request for `bytes` bytes gets: `first`; or, if that is null, what `again` returns, for as
/// long as the handler asks for another try.
#[inline]
pub fn retry(bytes: usize, first: *mut u8, again: impl Fn() -> *mut u8) -> *mut u8 {
    let mut block = first;
    while block.is_null() && ask(bytes) {
        block = without_handler(&again);
    }
    block
}

/// Runs `f`. A request in it that fails does so without asking the handler.
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
    // Inside fork a thread counts as inside an operation. If the gate is closed, a signal handler has
    // interrupted work on this thread's cache.
    let interrupted = thread::is_in_operation() || Cache::mine().is_some_and(|cache| !cache.is_open());
    if interrupted || thread::is_without_oom_handler() {
        return false;
    }
    without_handler(|| errno::keeping_errno(|| handler(bytes))) != 0
}
