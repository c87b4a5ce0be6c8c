//! How many calls were served, by entry: counted in the caches, and here where there is no cache.

use super::cache::{self, Cache};
use crate::base::operation::Operation;
use crate::base::shared::{AtomicU32, AtomicU64};
use core::sync::atomic::Ordering;

/// Calls that no cache counts, by operation.
pub static CALLS: [AtomicU64; Operation::COUNT] = [const { AtomicU64::new(0) }; Operation::COUNT];

/// Odd while the counts of a cache are added to `CALLS`.
static MOVES: AtomicU32 = AtomicU32::new(0);

/// Counts a call that was not served from the thread's cache.
pub fn count(operation: Operation) {
    match Cache::mine() {
        Some(cache) => cache::add(&cache.elsewhere[operation as usize], 1),
        None => {
            CALLS[operation as usize].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Undoes the count of a call that is to be served again.
pub fn uncount(operation: Operation) {
    match Cache::mine() {
        // The call may have been counted in `calls`: only the sum of both matters.
        Some(cache) => cache::add(&cache.elsewhere[operation as usize], u64::MAX),
        None => {
            CALLS[operation as usize].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// All calls counted in these caches or here. The tries are bounded, as a signal handler may have
/// interrupted `take_over`.
pub fn calls<C: Iterator<Item = &'static Cache>>(caches: impl Fn() -> C) -> [u64; Operation::COUNT] {
    const TRIES: usize = 100;
    let read = || {
        let before = MOVES.load(Ordering::Acquire);
        let mut sums = CALLS.each_ref().map(|calls| calls.load(Ordering::Acquire));
        caches().for_each(|cache| add_calls(&mut sums, cache));
        core::sync::atomic::fence(Ordering::Acquire);
        (sums, before.is_multiple_of(2) && MOVES.load(Ordering::Relaxed) == before)
    };
    (0..TRIES).map(|_| read()).find(|(_, whole)| *whole).unwrap_or_else(read).0
}

fn add_calls(sums: &mut [u64; Operation::COUNT], cache: &Cache) {
    let calls = cache.calls.iter().zip(&cache.elsewhere);
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let calls = calls.map(|(calls, elsewhere)| load(calls).wrapping_add(load(elsewhere)));
    sums.iter_mut().zip(calls).for_each(|(sum, calls)| *sum += calls);
    sums[Operation::Malloc as usize] += mallocs(cache);
    sums[Operation::Free as usize] += frees(cache);
}

/// Adds the counts of a cache, which is empty and has no owner, to those of this file. `done` takes the cache out of
/// what `calls` reads. One thread at a time.
pub fn take_over(cache: &Cache, done: impl FnOnce()) {
    let mut calls = [0; Operation::COUNT];
    add_calls(&mut calls, cache);
    MOVES.fetch_add(1, Ordering::AcqRel);
    core::sync::atomic::fence(Ordering::Release);
    for (sum, calls) in CALLS.iter().zip(calls) {
        sum.fetch_add(calls, Ordering::Release);
    }
    done();
    MOVES.fetch_add(1, Ordering::Release);
}

/// Calls of malloc that were served from a cache's stacks. They are not counted one by one: they are what fills and
/// frees have brought, less what flushes and other calls have taken and what is still there.
fn mallocs(cache: &Cache) -> u64 {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let left = cache.calls.iter().map(load).sum::<u64>() + load(&cache.flushed) + cache.stacked() as u64;
    (load(&cache.filled) + cache.pushed()).saturating_sub(left)
}

/// Frees that went into a cache.
fn frees(cache: &Cache) -> u64 {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    (cache.pushed() + load(&cache.sent_home) + cache.remote().len() as u64).saturating_sub(load(&cache.moved))
}

/// Notes that a free into the thread's cache is a part of a realloc, if it is.
pub fn count_moved(operation: Operation) {
    if operation == Operation::Move
        && let Some(cache) = Cache::mine()
    {
        cache.count_moved();
    }
}
