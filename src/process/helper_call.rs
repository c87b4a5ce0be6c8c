//! When the helper, a thread that gives memory back, is called, and whether there may be one.
//! `set_pass` says what it does.

use super::options::{self, Purge};
use super::trim_policy;
use crate::base::mangled::MangledFn;
use crate::base::shared::{AtomicBool, AtomicU32};
use crate::process::statics;
use crate::sys::helper::{self, Started};
use crate::sys::{calls, sandbox, sanitizer, thread, valgrind};
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

/// 1 if memory waits for the helper.
static WORK: AtomicU32 = AtomicU32::new(0);
/// 1 while there is a helper that will look at `WORK` again.
static ALIVE: AtomicU32 = AtomicU32::new(0);
/// Whether the process gets no helper: the kernel refuses one, or a filter could kill for it.
static REFUSED: AtomicBool = AtomicBool::new(false);
/// Whether the helper may make system calls that a filter of the program's own could kill for.
static MAY_HALT: AtomicBool = AtomicBool::new(false);
/// The process that may start a helper: not the child of a vfork, which shares its memory.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// What the helper does in one pass.
static PASS: MangledFn<fn()> = MangledFn::none();

/// Sets what the helper does. Called after the start.
pub fn set_pass(pass: fn()) {
    let _ = PASS.swap(Some(pass));
}

/// What the helper does, if that was set. `None` too if the word was overwritten.
fn pass() -> Option<fn()> {
    PASS.get().ok().flatten()
}

/// Called by the helper: makes it look again.
pub fn call_again() {
    WORK.store(1, Ordering::SeqCst);
}

/// Whether the process gets no helper. Heaps trim themselves then.
pub fn is_refused() -> bool {
    REFUSED.load(Relaxed)
}

/// Whether the helper may make system calls that a filter of the program's own could kill for.
pub fn may_halt() -> bool {
    MAY_HALT.load(Relaxed)
}

/// Called in a forked child, which has no helper.
pub fn begin_in_child() {
    helper::adopt();
    begin();
}

/// Called when the library starts.
pub fn begin() {
    PROCESS.store(calls::process_id(), Relaxed);
    ALIVE.store(0, Relaxed);
    WORK.store(0, Relaxed);
}

/// Called after an operation on an arena: calls the helper if memory waits there.
#[inline]
pub fn look(arena: usize) {
    if statics::arena(arena).is_waiting() {
        call();
    }
}

/// Calls the helper.
#[cold]
#[inline(never)]
pub fn call() {
    if WORK.load(Relaxed) != 0
        || thread::is_in_operation()
        || options::purge() != Purge::Lazy
        || valgrind::runs()
        || sanitizer::listens()
    {
        return;
    }
    if PROCESS.load(Relaxed) != calls::process_id() || pass().is_none() {
        return;
    }
    WORK.store(1, Ordering::SeqCst);
    if ALIVE.swap(1, Ordering::SeqCst) != 0 {
        return;
    }
    // Asked here and not in the helper, as a filter may have a signal handler of the program open files.
    let closed = sandbox::is_closed();
    MAY_HALT.store(!closed, Relaxed);
    // A program that has made threads may make more. A filter of its own could kill one that has not.
    match if !closed || statics::has_had_threads() { helper::start(work) } else { Started::Never } {
        Started::Yes => {}
        Started::NotNow => {
            WORK.store(0, Ordering::SeqCst);
            ALIVE.store(0, Ordering::SeqCst);
        }
        Started::Never => {
            // This is for good. From here on heaps trim themselves.
            REFUSED.store(true, Relaxed);
            trim_policy::set_helped(false);
            statics::apply();
        }
    }
}

extern "C" fn work() {
    thread::set_cache(thread::no_cache());
    if !trim_policy::set_helped(true) {
        statics::apply();
    }
    loop {
        while WORK.swap(0, Ordering::SeqCst) != 0 {
            if let Some(pass) = pass() {
                pass();
            }
        }
        ALIVE.store(0, Ordering::SeqCst);
        // A call before that store relies on this helper, a call after it on the next one.
        if WORK.load(Ordering::SeqCst) == 0 || ALIVE.swap(1, Ordering::SeqCst) != 0 {
            return;
        }
    }
}
