//! The helper: a thread that gives memory back while the program makes no calls.
//!
//! It starts when an arena has more freed memory than its threshold, or when many caches have no owner. It waits for
//! the decay time and empties the caches of threads that have not used them meanwhile. It gives back the pages of
//! caches that had no owner in that time, has dense memory made into huge pages, trims the arenas in steps, and ends.
//! Meanwhile the program's own calls trim only very large amounts.
//!
//! It never waits for an arena's lock while it has a cache halted or keeps a fork waiting: the fork may come from
//! a signal handler that interrupted an operation on that arena. Where the kernel refuses us a helper, the call
//! that finds a heap due for a trim does it.

use crate::base::config::REGION_GRANULE;
use crate::base::operation::Operation;
use crate::base::shared::AtomicU32;
use crate::cache::cache::Cache;
use crate::cache::{refill, threads, work};
use crate::compartment::ranges;
use crate::process::trim_policy::WORTH;
use crate::process::{helper_call, options, statics};
use crate::slab::arena::{Arena, Trimmed};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, futex};

/// The most huge pages that are made of small ones in a pass, for each arena.
const COLLAPSES: usize = 32;

/// This never changes: the helper sleeps on it.
static NEVER: AtomicU32 = AtomicU32::new(0);

/// One pass of the helper.
pub fn pass() {
    threads::owned().for_each(|cache| {
        cache.is_unused();
    });
    threads::mark_idle();
    let changes = ranges::changes();
    futex::wait_most(&NEVER, 0, options::decay() as u64);
    let holding = || threads::owned().filter(|cache| cache.holds_any());
    if holding().next().is_some() && can_halt() {
        let mut busy = 0;
        for cache in holding() {
            if !cache.is_unused() || !empty(cache) {
                busy += cache.stacked_bytes();
            }
        }
        // When the threads of these caches fall asleep, perhaps no call starts another helper.
        if busy >= WORTH {
            helper_call::call_again();
        }
    }
    threads::give_back(true);
    if ranges::changes() == changes {
        ranges::purge();
    } else if ranges::kept() >= WORTH {
        helper_call::call_again();
    }
    // Before the arenas give anything back: until then it is known what has changed since the last pass.
    statics::arenas().for_each(collapse);
    statics::arenas().filter(|arena| arena.is_waiting()).for_each(trim);
}

/// Empties the caches of all threads that are not at work in them, the calling thread's first.
pub fn empty_caches() {
    threads::flush_mine();
    if threads::owned().any(Cache::holds_any) && can_halt() {
        threads::owned().filter(|cache| cache.holds_any()).for_each(|cache| {
            empty(cache);
        });
    }
}

/// Whether the kernel has a barrier for all threads. It is asked only where a cache is to be emptied, and where
/// no filter may kill the process for that.
fn can_halt() -> bool {
    helper_call::may_halt() && calls::register_barrier()
}

/// Empties the cache of a thread that does not use it. False where that was not possible now, as its thread, or another
/// one in its arena, was cut off in the middle of something.
fn empty(cache: &Cache) -> bool {
    let mut done = true;
    // The pages of a cache without an owner go back under the same lock.
    let mut step = || {
        if threads::is_owned(cache) {
            done = cache.halt();
            if done {
                refill::empty(cache);
                // An arena that another thread is in is left alone.
                done = !cache.holds_any();
                cache.resume();
            }
        }
    };
    while !work::at_work(&mut step) {
        // A fork is under way, and does not wait for this thread.
        work::wait_for_thaw();
    }
    done
}

/// Has huge pages made of dense memory, without the lock, as each takes a while. What was found may meanwhile have been
/// freed, given back, or become another owner's. Then the kernel refuses, or fills up one huge page in vain.
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
            // A fork keeps the arena frozen, and does not wait for this thread.
            None => arena.wait_for_thaw(),
        }
    }
}
