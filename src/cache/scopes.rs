//! Scopes: while a thread is in one, what it allocates comes from a heap that the program has made.
//!
//! In a scope the gate of the thread's cache stays closed, so each call takes the slow path, and that asks here.
//! Frees go straight to the arenas meanwhile.

use super::cache::Cache;
use crate::cache::threads;
use core::sync::atomic::Ordering::Relaxed;

/// The heap of the innermost scope that the calling thread is in, as its handle says; `None` outside of all.
#[inline]
pub fn current() -> Option<usize> {
    let cache = Cache::mine()?;
    let depth = cache.scope_depth.load(Relaxed);
    depth.checked_sub(1).and_then(|top| cache.scopes.get(top)).map(|handle| handle.load(Relaxed))
}

/// Enters a scope. False where the thread has no cache or is in its work, or in too many scopes.
pub fn enter(handle: usize) -> bool {
    let cache = match current() {
        Some(_) => Cache::mine(),
        None => threads::cache(),
    };
    let Some(cache) = cache else { return false };
    let depth = cache.scope_depth.load(Relaxed);
    let Some(place) = cache.scopes.get(depth) else { return false };
    cache.close();
    place.store(handle, Relaxed);
    cache.scope_depth.store(depth + 1, Relaxed);
    true
}

/// Leaves the innermost scope, if that is one of this heap. False, and nothing was done, if it is not.
pub fn leave(handle: usize) -> bool {
    let (Some(cache), true) = (Cache::mine(), current() == Some(handle)) else { return false };
    let depth = cache.scope_depth.load(Relaxed) - 1;
    cache.scope_depth.store(depth, Relaxed);
    if depth == 0 {
        cache.open();
    }
    true
}
