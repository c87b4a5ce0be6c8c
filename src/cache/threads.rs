//! The caches of all threads: how a thread gets one, and what becomes of it when the thread ends or the process forks.
//!
//! Caches stand in rooms, which only grow. A cache without an owner is used again, the lowest in the oldest room first.
//! A thread gets one when it first needs a small object, except where caches are off. Caches that have had no owner for
//! the decay time give their pages back, and are laid out anew when a thread needs them.
//!
//! Each cache has a word in its room: three flags, the number of the thread that owns it, and the fork count of that
//! thread's process. A thread that changes the word from no owner to itself owns the cache.
//!
//! A thread that ends gives up its cache in the destructor of a pthread key. Programs count keys, so it is made only
//! when a second thread gets a cache. Destructors that run later may free what they have. These frees go directly to
//! the arenas, and no cache is made again. Where no key is left, or the rounds of destructors were over, the owner's
//! number tells: a thread that needs a cache takes one whose owner the kernel does not know.
//!
//! A forked child leaves the other threads' caches as they are, so that their pages are not copied. A cache whose word
//! has another fork count has no owner: a thread takes it with all that is in it, and `flush_left_behind` empties it.

#![allow(unsafe_code)]

use super::cache::Cache;
use super::rooms::{self, LAID, OLD, OPEN, OWNED, Place, update};
use crate::base::shared::{AtomicI64, AtomicU32, AtomicUsize};
use crate::cache::{count, refill, work};
use crate::process::options::Purge;
use crate::process::{helper_call, options, statics};
use crate::sys::{blind, calls, errno, thread};
use core::ffi::c_void;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

/// How many laid-out caches have no owner.
static IDLE: AtomicI64 = AtomicI64::new(0);
/// The fork count: how many forks there were from the first process to this one.
static FORKS: AtomicU32 = AtomicU32::new(0);
/// How many owners the kernel was asked for so far.
static ASKED: AtomicUsize = AtomicUsize::new(0);
/// The pthread key, or one of the two values below.
static KEY: AtomicI64 = AtomicI64::new(KEY_NOT_MADE);

/// The cache is given up in this round of destructors. There are at least four, and other destructors
/// free in the first ones.
const ROUNDS: u32 = 3;
/// How many owners the kernel is asked for at a time.
const ASK: usize = 4;

const FLAGS: u64 = OPEN | LAID | OLD;

/// This many caches without an owner are worth a helper: each has a few pages in use.
const WORTH_CACHES: usize = 64;

const KEY_NOT_MADE: i64 = -1;
const KEY_REFUSED: i64 = -2;

/// The calling thread's cache, made if it has none. `None` in a signal handler that interrupted the cache's or the
/// allocator's own work, in a thread that is ending, where caches are off, and where there is no memory for one.
#[inline]
pub fn cache() -> Option<&'static Cache> {
    match Cache::mine() {
        Some(cache) => cache.is_open().then_some(cache),
        None => make(),
    }
}

#[cold]
#[inline(never)]
fn make() -> Option<&'static Cache> {
    if !options::caches() || thread::is_exiting() || thread::is_in_operation() {
        return None;
    }
    // A signal handler that comes now must not make another.
    thread::set_in_operation(true);
    let place = claim_any();
    let cache = place.and_then(|place| place.laid());
    if let (Some(place), Some(cache)) = (place, cache) {
        cache.enter_at_last();
        // The last owner may have been cut off by a fork while it changed these.
        cache.used().for_each(|class| cache.set_capacity(class, cache.capacity(class)));
        if !cache.holds_any() {
            cache.set_home(statics::home());
        }
        // What a dead thread has left in the cache belongs to the cache's home. And `statics::home` may
        // have failed to choose one for this thread.
        thread::set_home(cache.home());
        cache.endings.store(0, Relaxed);
        // Its last thread may have ended in a scope.
        cache.scope_depth.store(0, Relaxed);
        blind::set_cache(cache.address());
        // A signal handler may have forked since the cache was claimed, and may do so here. Then this
        // thread has another number.
        loop {
            let owner = owner_now();
            update(place.word(), Relaxed, |word| word & FLAGS | owner);
            compiler_fence(Ordering::SeqCst);
            if owner == owner_now() {
                break;
            }
        }
        cache.open();
    }
    thread::set_in_operation(false);
    let cache = cache?;
    if !thread::is_main_thread() {
        errno::keeping_errno(|| watch_end(cache));
    }
    Some(cache)
}

/// The owner's part of a cache's word for the calling thread: the fork count above, the thread's number below.
fn owner_now() -> u64 {
    forks() << u32::BITS | u64::from(thread::number())
}

/// The fork count as it stands in words: the bit above it is a flag.
fn forks() -> u64 {
    u64::from(FORKS.load(Relaxed) & u32::MAX >> 1)
}

/// The number of the thread that owns the cache according to a word; 0 if there is none.
fn number_in(word: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let number = (word & !FLAGS) as u32;
    number
}

/// Whether a word says that the cache has no owner, or one that a fork left behind.
fn is_nobody(word: u64) -> bool {
    number_in(word) == 0 || (word & !FLAGS) >> u32::BITS != forks()
}

/// Whether a word says that the cache has no owner and is laid out.
fn is_idle(word: u64) -> bool {
    word & !OLD == OPEN | LAID
}

/// Makes the calling thread the owner of a cache whose word is `old`. False if the word has changed.
fn claim(place: &Place, old: u64) -> bool {
    let new = old & (OPEN | LAID) | owner_now();
    let claimed = place.word().compare_exchange(old, new, Ordering::Acquire, Relaxed).is_ok();
    if claimed && is_idle(old) {
        IDLE.fetch_sub(1, Relaxed);
    }
    claimed
}

/// Makes the calling thread the owner of a cache without one, if `wanted` accepts its word. Returns the old word.
fn take(place: &Place, wanted: impl Fn(u64) -> bool) -> Option<u64> {
    let old = place.word().load(Relaxed);
    (is_nobody(old) && wanted(old) && claim(place, old)).then_some(old)
}

/// Ends the calling thread's ownership of a cache, whose word becomes `flags`.
fn leave(place: &Place, flags: u64) {
    if is_idle(flags) {
        IDLE.fetch_add(1, Relaxed);
    }
    place.word().store(flags, Ordering::Release);
}

/// A cache without an owner, laid out. The calling thread owns it from here on.
fn claim_any() -> Option<Place> {
    let (place, old) = unused().or_else(orphaned).or_else(unopened)?;
    if !place.open() {
        leave(&place, 0);
        return None;
    }
    place.lay(old);
    // An owner that ended without a destructor is still counted.
    if is_nobody(old) {
        OWNED.fetch_add(1, Relaxed);
    }
    Some(place)
}

/// A cache that another thread has had.
fn unused() -> Option<(Place, u64)> {
    let with_any = rooms::rooms().filter(|room| room.idle(forks()) != 0);
    let taken = |place: Place| take(&place, |word| word & OPEN != 0).map(|old| (place, old));
    let found = with_any.flat_map(|room| room.places()).find_map(taken)?;
    found.0.room.count_idle(forks(), -1);
    Some(found)
}

/// A cache whose owner ended without a destructor. Each call asks the kernel for a few owners, so
/// that in the end all are asked for.
fn orphaned() -> Option<(Place, u64)> {
    if cfg!(feature = "models") {
        // In models all threads live.
        return None;
    }
    let from = ASKED.fetch_add(ASK, Relaxed);
    (from..from.wrapping_add(ASK)).map(rooms::place_at).find_map(|place| {
        let old = place.word().load(Relaxed);
        let number = number_in(old);
        let gone = number != 0 && number != thread::number() && !calls::thread_lives(number);
        (gone && claim(&place, old)).then_some((place, old))
    })
}

/// A cache that no thread has had yet.
fn unopened() -> Option<(Place, u64)> {
    loop {
        let with_any = rooms::rooms().filter(|room| room.has_unopened());
        let taken = |place: Place| take(&place, |_| true).map(|old| (place, old));
        let found = with_any.flat_map(|room| room.places()).find_map(taken);
        if found.is_some() || !rooms::add() {
            return found;
        }
    }
}

/// All caches that are laid out. One without an owner may become all zero while the caller reads it.
pub fn all() -> impl Iterator<Item = &'static Cache> {
    rooms::places().filter_map(|place| place.laid())
}

/// The caches that have an owner, or had one that a fork left behind.
pub fn owned() -> impl Iterator<Item = &'static Cache> {
    rooms::places().filter(|place| number_in(place.word().load(Relaxed)) != 0).filter_map(|place| place.laid())
}

/// Whether a cache is one of those.
pub fn is_owned(cache: &Cache) -> bool {
    rooms::place_of(cache).is_some_and(|place| number_in(place.word().load(Relaxed)) != 0 && place.laid().is_some())
}

/// Sets `OLD` in the words of the caches without an owner. Where it is still set later, no thread has
/// needed the cache meanwhile.
pub fn mark_idle() {
    for place in rooms::places() {
        if is_idle(place.word().load(Relaxed)) {
            let _ = place.word().compare_exchange(OPEN | LAID, OPEN | LAID | OLD, Relaxed, Relaxed);
        }
    }
}

/// Gives back the pages of the caches without an owner: of those with `OLD` only, or of all.
pub fn give_back(only_marked: bool) {
    let wanted = |word| is_idle(word) && (!only_marked || word & OLD != 0);
    for room in rooms::rooms().filter(|room| room.idle(forks()) != 0) {
        work::at_work(|| {
            let mut places = room.places();
            while let Some(first) = places.find(|place| retire(place, wanted)) {
                let count = 1 + places.by_ref().take_while(|place| retire(place, wanted)).count();
                first.purge(count);
                room.places_from(&first).take(count).for_each(|place| leave(&place, OPEN));
            }
        });
    }
}

/// Claims a cache without an owner whose pages are to go back. It is no longer laid out, and its counts
/// move to `count`. False if it has to stay.
fn retire(place: &Place, wanted: impl Fn(u64) -> bool) -> bool {
    let Some(old) = take(place, wanted) else { return false };
    let Some(cache) = place.laid() else {
        leave(place, old);
        return false;
    };
    if cache.holds_any() {
        // Its thread could not empty it, beside a fork; or a signal handler has freed something at the very end.
        refill::empty(cache);
    }
    if cache.holds_any() {
        leave(place, old);
        return false;
    }
    count::take_over(cache, || {
        update(place.word(), Relaxed, |word| word & !LAID);
    });
    true
}

/// Registers `thread_ends` for the end of the calling thread.
fn watch_end(cache: &'static Cache) {
    let key = match KEY.load(Ordering::Acquire) {
        KEY_REFUSED => return,
        KEY_NOT_MADE => match make_key() {
            Some(key) => key,
            None => return,
        },
        key => key,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a key")]
    // SAFETY: the key is never deleted. The call may allocate: the cache is in place.
    unsafe {
        libc::pthread_setspecific(key as libc::pthread_key_t, core::ptr::from_ref(cache).cast())
    };
}

fn make_key() -> Option<i64> {
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: the destructor is a function of this library, which is never unloaded.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(thread_ends)) } != 0 {
        let _ = KEY.compare_exchange(KEY_NOT_MADE, KEY_REFUSED, Ordering::AcqRel, Relaxed);
        return None;
    }
    match KEY.compare_exchange(KEY_NOT_MADE, i64::from(key), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(i64::from(key)),
        Err(other) => {
            // Another thread was first.
            // SAFETY: made above, and no other code has it.
            unsafe { libc::pthread_key_delete(key) };
            (other >= 0).then_some(other)
        }
    }
}

extern "C" fn thread_ends(value: *mut c_void) {
    let Some(cache) = Cache::mine().filter(|cache| cache.address() == value.addr()) else { return };
    let endings = cache.endings.load(Relaxed) + 1;
    cache.endings.store(endings, Relaxed);
    if endings < ROUNDS {
        watch_end(cache);
    } else {
        thread::set_exiting();
        give_up(cache);
    }
}

/// Gives up the calling thread's cache, emptied.
fn give_up(cache: &'static Cache) {
    refill::flush_all(cache);
    cache.close();
    let place = rooms::place_of(cache);
    blind::set_cache(0);
    OWNED.fetch_sub(1, Relaxed);
    if let Some(place) = place {
        leave(&place, OPEN | LAID);
        place.room.count_idle(forks(), 1);
        look_at_caches(usize::try_from(IDLE.load(Relaxed)).unwrap_or(0));
    }
}

/// Empties the calling thread's cache, and gives it up where caches have been switched off.
pub fn flush_mine() {
    // A signal handler that interrupted an operation must not wait.
    if !thread::is_in_operation()
        && let Some(cache) = cache()
    {
        if options::caches() {
            refill::flush_all(cache);
        } else {
            give_up(cache);
        }
        flush_left_behind();
    }
}

/// Empties the caches of threads that a fork left behind.
fn flush_left_behind() {
    for place in rooms::places() {
        if take(&place, |word| word & OPEN != 0 && number_in(word) != 0).is_none() {
            continue;
        }
        if let Some(cache) = place.laid() {
            refill::flush_all(cache);
            cache.close();
        } else {
            place.purge(1);
        }
        leave(&place, place.word().load(Relaxed) & (OPEN | LAID));
    }
}

/// In a forked child: this thread keeps its cache, and the caches of other threads have no owner. `old` is the
/// number that the thread had in the parent.
pub fn adopt_in_child(old: u32) {
    let before = forks() << u32::BITS | u64::from(old);
    FORKS.store(FORKS.load(Relaxed).wrapping_add(1), Relaxed);
    let mine = Cache::mine().and_then(rooms::place_of);
    let is_mine = |place: &Place| mine.is_some_and(|mine| core::ptr::eq(mine.word(), place.word()));
    // By the number too: a signal handler may have forked while this thread was just getting its cache.
    let mine = rooms::places().filter(|place| is_mine(place) || place.word().load(Relaxed) & !FLAGS == before);
    let adopt = |place: &Place| {
        update(place.word(), Relaxed, |word| word & FLAGS | owner_now());
    };
    OWNED.store(mine.inspect(adopt).filter(|place| place.laid().is_some()).count(), Relaxed);
    let idle = rooms::places().filter(|place| is_idle(place.word().load(Relaxed)));
    IDLE.store(i64::try_from(idle.count()).unwrap_or(0), Relaxed);
}

/// After a thread's end: has the pages of caches without an owner given back, if `idle`, the number of these, is large.
fn look_at_caches(idle: usize) {
    if idle < WORTH_CACHES {
        return;
    }
    match options::purge() {
        Purge::Off => {}
        Purge::Eager => give_back(false),
        Purge::Lazy => {
            helper_call::call();
            if helper_call::is_refused() {
                give_back(false);
            }
        }
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;

    /// Loom reports words of a cache that two threads use at a time.
    fn use_a_cache() {
        let cache = claim_any().unwrap().laid().unwrap();
        thread::set_cache(cache.address());
        cache.open();
        give_up(cache);
    }

    #[test]
    fn a_cache_has_one_owner_at_a_time() {
        model(2, || {
            use_a_cache();
            let other = loom::thread::spawn(use_a_cache);
            use_a_cache();
            other.join().unwrap();
            assert_eq!(rooms::owned(), 0);
            assert!(all().count() <= 2 && owned().count() == 0);
            rooms::models::unmap_all();
        });
    }

    #[test]
    fn caches_in_the_list_are_laid_out_and_none_is_missing() {
        model(2, || {
            let makers = [(); 2].map(|()| loom::thread::spawn(|| claim_any().unwrap().laid().unwrap()));
            assert!(all().all(|cache| cache.stacked() == 0));
            makers.into_iter().for_each(|thread| assert!(!thread.join().unwrap().is_open()));
            assert_eq!(all().count(), 2);
            rooms::models::unmap_all();
        });
    }
}
