//! The helper: a thread that gives memory back while the program makes no calls.
//!
//! It starts when an arena has more freed memory than its threshold, or many caches have no thread any more. It waits for the decay time,
//! empties the caches of threads that have not used them meanwhile, gives back the pages of those that nobody has had, has dense memory put together to
//! huge pages, trims the arenas, in steps, and ends. What a program's own calls trim beside it is only what is very much.
//!
//! It never waits for an arena's lock while it has a cache halted or keeps a fork waiting: a fork may come from a signal handler
//! that interrupted an operation on that arena. Where the kernel has no helper for us, a heap is trimmed by the call that finds it due.

use crate::base::config::REGION_GRANULE;
use crate::base::operation::Operation;
use crate::base::shared::AtomicU32;
use crate::cache::cache::Cache;
use crate::cache::{refill, threads, work};
use crate::process::trim_policy::WORTH;
use crate::process::{helper_call, options, statics};
use crate::slab::arena::{Arena, Trimmed};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, futex};

/// Huge pages that are made of small ones at a time, for each arena.
const COLLAPSES: usize = 32;

/// Nobody changes this: the helper sleeps at it.
static NEVER: AtomicU32 = AtomicU32::new(0);

/// What the helper does in one go.
pub fn pass() {
    threads::owned().for_each(|cache| {
        cache.is_unused();
    });
    threads::mark_idle();
    futex::wait_most(&NEVER, 0, options::decay() as u64);
    let holding = || threads::owned().filter(|cache| cache.holds_any());
    if holding().next().is_some() && can_halt() {
        let mut busy = 0;
        for cache in holding() {
            if !cache.is_unused() || !empty(cache) {
                busy += cache.stacked_bytes();
            }
        }
        // Nobody may call again when their threads fall asleep.
        if busy >= WORTH {
            helper_call::call_again();
        }
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

/// Empties the cache of a thread that does not use it. False where that was not to be had now: the thread, or another one in its arena, was cut off in the
/// middle of something.
fn empty(cache: &Cache) -> bool {
    let mut done = true;
    // Its pages go back under the same lock.
    let mut step = || {
        if threads::is_owned(cache) {
            done = cache.halt();
            if done {
                refill::empty(cache);
                // An arena that somebody else is in is left alone.
                done = !cache.holds_any();
                cache.resume();
            }
        }
    };
    while !work::at_work(&mut step) {
        // A fork does not wait for this thread.
        work::wait_for_thaw();
    }
    done
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
