//! Scopes: while a thread is in one, what it allocates comes from a heap that the program has made.
//!
//! A thread with a cache has its scopes there. In a scope the gate stays closed, so each call takes the slow path, and
//! that asks here. Frees go straight to the arenas meanwhile. A thread without a cache takes a place in a table.

use super::cache::{Cache, SCOPES};
use crate::base::shared::{AtomicU64, AtomicUsize};
use crate::cache::threads;
use crate::sys::thread;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};

/// The most threads without caches that are in scopes at a time.
const PLACES: usize = 64;

/// A thread without a cache that is in scopes.
struct Place {
    /// The thread, as it owns locks, and its number; 0 for nobody. A thread that ends in a scope leaves its place
    /// taken, and another one has not both.
    thread: AtomicU64,
    number: AtomicU64,
    depth: AtomicUsize,
    scopes: [AtomicUsize; SCOPES],
}

static PLACE: [Place; PLACES] = [const {
    Place {
        thread: AtomicU64::new(0),
        number: AtomicU64::new(0),
        depth: AtomicUsize::new(0),
        scopes: [const { AtomicUsize::new(0) }; SCOPES],
    }
}; PLACES];
/// How many places are taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The scopes of a thread: their heaps, as the handles say, and how many there are.
struct Mine {
    scopes: &'static [AtomicUsize],
    depth: &'static AtomicUsize,
}

impl Place {
    /// The calling thread's.
    fn mine() -> Option<&'static Self> {
        if TAKEN.load(Relaxed) == 0 {
            return None;
        }
        let (me, number) = (thread::block(), u64::from(thread::number()));
        PLACE.iter().find(|place| place.thread.load(Relaxed) == me && place.number.load(Relaxed) == number)
    }

    /// Takes one for the calling thread, which has none.
    fn take() -> Option<&'static Self> {
        let me = thread::block();
        let place = PLACE.iter().find(|place| place.thread.compare_exchange(0, me, AcqRel, Relaxed).is_ok())?;
        place.number.store(thread::number().into(), Relaxed);
        TAKEN.fetch_add(1, Relaxed);
        Some(place)
    }

    /// Gives the calling thread's back.
    fn give(&'static self) {
        TAKEN.fetch_sub(1, Relaxed);
        self.number.store(0, Relaxed);
        self.thread.store(0, Relaxed);
    }
}

impl Mine {
    /// Those of a thread that is in one.
    #[inline]
    fn find() -> Option<Self> {
        let cache = Cache::mine().filter(|cache| cache.scope_depth.load(Relaxed) != 0);
        match cache {
            Some(cache) => Some(Self { scopes: &cache.scopes, depth: &cache.scope_depth }),
            None => Place::mine().map(|place| Self { scopes: &place.scopes, depth: &place.depth }),
        }
    }

    fn current(&self) -> Option<usize> {
        let top = self.depth.load(Relaxed).checked_sub(1)?;
        self.scopes.get(top).map(|handle| handle.load(Relaxed))
    }

    fn push(&self, handle: usize) -> bool {
        let depth = self.depth.load(Relaxed);
        let Some(place) = self.scopes.get(depth) else { return false };
        place.store(handle, Relaxed);
        self.depth.store(depth + 1, Relaxed);
        true
    }
}

/// After a fork, in the child: the thread has another number and is where it was; the others are gone.
pub fn keep_in_child() {
    let me = thread::block();
    for place in &PLACE {
        match place.thread.load(Relaxed) {
            0 => {}
            thread if thread == me => place.number.store(thread::number().into(), Relaxed),
            _ => place.give(),
        }
    }
}

/// The heap of the innermost scope that the calling thread is in, as its handle says; `None` outside of all.
#[inline]
pub fn current() -> Option<usize> {
    Mine::find()?.current()
}

/// Enters a scope. False where the thread is in its cache's work, or in too many scopes, or too many threads without
/// caches are in some.
pub fn enter(handle: usize) -> bool {
    if let Some(mine) = Mine::find() {
        return mine.push(handle);
    }
    if let Some(cache) = threads::cache() {
        cache.close();
        return Mine { scopes: &cache.scopes, depth: &cache.scope_depth }.push(handle);
    }
    if Cache::mine().is_some() {
        return false;
    }
    let Some(place) = Place::take() else { return false };
    place.depth.store(0, Relaxed);
    Mine { scopes: &place.scopes, depth: &place.depth }.push(handle)
}

/// Leaves the innermost scope, if that is one of this heap. False, and nothing was done, if it is not.
pub fn leave(handle: usize) -> bool {
    let Some(mine) = Mine::find().filter(|mine| mine.current() == Some(handle)) else { return false };
    let depth = mine.depth.load(Relaxed) - 1;
    mine.depth.store(depth, Relaxed);
    if depth == 0 {
        match Place::mine() {
            Some(place) => place.give(),
            None => Cache::mine().into_iter().for_each(Cache::open),
        }
    }
    true
}
