//! Calling the helper, a thread that gives memory back: when it is worth one, and whether there may be one. What it does others say.

use super::options::{self, Purge};
use super::trim_policy;
use crate::base::mangled::MangledFn;
use crate::base::shared::{AtomicBool, AtomicU32};
use crate::process::statics;
use crate::sys::helper::{self, Started};
use crate::sys::{calls, sandbox, sanitizer, thread, valgrind};
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

/// 1 if there is memory that waits.
static WORK: AtomicU32 = AtomicU32::new(0);
/// 1 while there is a helper that will look at `WORK` again.
static ALIVE: AtomicU32 = AtomicU32::new(0);
/// Whether the kernel refused one.
static REFUSED: AtomicBool = AtomicBool::new(false);
/// Whether the helper may ask for what a filter of the program's own may kill for.
static MAY_HALT: AtomicBool = AtomicBool::new(false);
/// The process that may start one: not the child of a vfork, which has this one's memory.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// What the helper does in one go.
static PASS: MangledFn<fn()> = MangledFn::none();

/// Says what the helper does. After the start.
pub fn set_pass(pass: fn()) {
    let _ = PASS.swap(Some(pass));
}

/// What the helper does, once that has been said; nothing where the word was overwritten.
fn pass() -> Option<fn()> {
    PASS.get().ok().flatten()
}

/// By the helper: it is to look again.
pub fn call_again() {
    WORK.store(1, Ordering::SeqCst);
}

/// Whether the kernel has no helper for us: heaps trim themselves then.
pub fn is_refused() -> bool {
    REFUSED.load(Relaxed)
}

/// Whether the helper may ask for what a filter of the program's own may kill for.
pub fn may_halt() -> bool {
    MAY_HALT.load(Relaxed)
}

/// In a forked child, which has no helper.
pub fn begin_in_child() {
    helper::adopt();
    begin();
}

/// When the library starts.
pub fn begin() {
    PROCESS.store(calls::process_id(), Relaxed);
    ALIVE.store(0, Relaxed);
    WORK.store(0, Relaxed);
}

/// After an operation on an arena: calls the helper if memory waits there.
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
    // Asked here and not in the helper: a filter may have a handler of the program's open files.
    let closed = sandbox::is_closed();
    MAY_HALT.store(!closed, Relaxed);
    // A program that has made threads may make threads. Of one that has not, a filter that it has shut around itself may
    // be the death.
    match if !closed || statics::has_had_threads() { helper::start(work) } else { Started::Never } {
        Started::Yes => {}
        Started::NotNow => {
            WORK.store(0, Ordering::SeqCst);
            ALIVE.store(0, Ordering::SeqCst);
        }
        Started::Never => {
            // For good: a heap trims itself then.
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
        // Who called before that relies on this one, and who calls after it on the next.
        if WORK.load(Ordering::SeqCst) == 0 || ALIVE.swap(1, Ordering::SeqCst) != 0 {
            return;
        }
    }
}
