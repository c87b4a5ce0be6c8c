//! How many calls were served, by entry point: counted in the caches, and here what was served without one.

use super::cache::{self, Cache};
use crate::base::operation::Operation;
use crate::base::shared::{AtomicU32, AtomicU64};
use core::sync::atomic::Ordering;

static CALLS: [AtomicU64; Operation::COUNT] = [const { AtomicU64::new(0) }; Operation::COUNT];

/// Odd while what a cache has counted is added to `CALLS`.
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

/// Takes back that a call was counted, which is served anew.
pub fn uncount(operation: Operation) {
    match Cache::mine() {
        // It may have been counted in `calls`: only their sum matters.
        Some(cache) => cache::add(&cache.elsewhere[operation as usize], u64::MAX),
        None => {
            CALLS[operation as usize].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// All calls that were counted, in these caches or without one. The bounded tries are for a signal handler that has interrupted `take_over`.
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

/// Counts from here on what a cache, which is empty and nobody's, has counted. `done` makes it one that is not asked any more. One thread
/// at a time.
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

/// Calls of malloc that were served from a cache's stacks. They are not counted one by one: what came into the stacks by fills and
/// frees, left by flushes and calls.
fn mallocs(cache: &Cache) -> u64 {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let left = cache.calls.iter().map(load).sum::<u64>() + load(&cache.flushed) + cache.stacked() as u64;
    (load(&cache.filled) + cache.pushed()).saturating_sub(left)
}

/// Frees that went into a cache.
fn frees(cache: &Cache) -> u64 {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    (cache.pushed() + load(&cache.remote_frees)).saturating_sub(load(&cache.moved))
}

/// Notes that a free into the thread's cache is a part of a realloc, if it is.
pub fn count_moved(operation: Operation) {
    if operation == Operation::Move
        && let Some(cache) = Cache::mine()
    {
        cache.count_moved();
    }
}
