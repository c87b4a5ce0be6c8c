//! The helper: a thread that gives memory back while the program makes no calls.
//!
//! It starts when an arena has more freed memory than its threshold, or many caches have no thread any more. It waits for the decay time,
//! empties the caches of threads that have not used them meanwhile, gives back the pages of those that nobody has had, has dense memory put together to
//! huge pages, trims the arenas, in steps, and ends. What a program's own calls trim beside it is only what is very much.
//!
//! It never waits for an arena's lock while it has a cache halted or keeps a fork waiting: a fork may come from a signal handler
//! that interrupted an operation on that arena. Where the kernel has no helper for us, a heap is trimmed by the call that finds it due.

use super::cache::Cache;
use super::{exchange, threads};
use crate::base::config::REGION_GRANULE;
use crate::base::operation::Operation;
use crate::base::shared::AtomicU32;
use crate::process::options::Purge;
use crate::process::{helper_call, options, statics};
use crate::slab::arena::{Arena, Trimmed};
use crate::sys::linux::Linux;
use crate::sys::lock::FutexLock;
use crate::sys::pages::PageSource;
use crate::sys::{calls, futex, thread};
use lock_api::RawMutex;

/// Caches without a thread that are worth one: of each a few pages are in use.
const WORTH_CACHES: usize = 64;

/// Huge pages that are made of small ones at a time, for each arena.
const COLLAPSES: usize = 32;

/// Nobody changes this: the helper sleeps at it.
static NEVER: AtomicU32 = AtomicU32::new(0);
/// Held while the helper is at work on a cache, so that a fork does not find it half done.
static AT_WORK: FutexLock = FutexLock::INIT;

/// After a thread's end: has the pages of caches that no thread has, so many, given back if they are many.
pub fn look_at_caches(idle: usize) {
    if idle < WORTH_CACHES {
        return;
    }
    match options::purge() {
        Purge::Off => {}
        Purge::Eager => threads::give_back(false),
        Purge::Lazy => {
            helper_call::call();
            if helper_call::is_refused() {
                threads::give_back(false);
            }
        }
    }
}

/// What the helper does in one go.
pub fn pass() {
    threads::owned().for_each(|cache| {
        cache.is_unused();
    });
    threads::mark_idle();
    futex::wait_most(&NEVER, 0, options::decay() as u64);
    let idle = |cache: &&Cache| cache.is_unused() && cache.holds_any();
    let mut idle = threads::owned().filter(idle).peekable();
    if idle.peek().is_some() && can_halt() {
        idle.for_each(empty);
    }
    threads::give_back(true);
    // Before anything is given back: what has changed since the last time can be told still.
    statics::arenas().for_each(collapse);
    statics::arenas().filter(|arena| arena.is_waiting()).for_each(trim);
}

/// Whether the kernel gives a barrier for all threads. It is asked only where a cache is to be emptied, and where no
/// filter may kill for that.
fn can_halt() -> bool {
    helper_call::may_halt() && calls::register_barrier()
}

fn empty(cache: &Cache) {
    // Its pages go back under the same lock.
    let step = || {
        if threads::is_owned(cache) && cache.halt() {
            exchange::empty(cache);
            cache.resume();
        }
    };
    while !at_work(step) {
        // A fork does not wait for this thread.
        AT_WORK.wait_for_thaw();
    }
}

/// Does something to caches while nobody else does, and no fork comes between. False, and nothing was done, where the calling thread must not wait: in
/// the middle of an operation, and beside a fork.
pub fn at_work(f: impl FnOnce()) -> bool {
    if thread::is_inside() || !AT_WORK.lock_unless_frozen() {
        return false;
    }
    // Whatever is locked is left alone.
    thread::set_inside(true);
    f();
    thread::set_inside(false);
    // SAFETY: locked above.
    #[expect(unsafe_code, reason = "the lock guards no data")]
    unsafe {
        AT_WORK.unlock();
    }
    true
}

/// Has huge pages made of what is dense. Not under the lock: each takes a while. What was found may have been freed
/// meanwhile, given back, or be another's; then the kernel refuses, or fills up one huge page in vain.
fn collapse(arena: &Arena<Linux>) {
    let (mut at, mut left) = (0, COLLAPSES);
    while left != 0
        && let Some((next, page)) = arena.enter(Operation::Other).and_then(|mut arena| arena.next_dense(at))
    {
        at = next;
        if let Some(page) = page {
            Linux.collapse(page, REGION_GRANULE);
            left -= 1;
        }
    }
}

fn trim(arena: &Arena<Linux>) {
    let mut at = Some(Trimmed::Nothing);
    while let Some(from) = at {
        match arena.enter(Operation::Other) {
            Some(mut arena) => at = arena.trim_step(from),
            // By a fork, which does not wait for this thread.
            None => arena.wait_for_thaw(),
        }
    }
}

/// Before fork: waits until the helper is between two steps, and keeps it there.
pub fn freeze() {
    AT_WORK.freeze(false);
}

/// After fork, in the parent.
pub fn thaw() {
    AT_WORK.thaw();
}

/// After fork, in the child.
pub fn thaw_in_child() {
    AT_WORK.thaw_in_child();
}
