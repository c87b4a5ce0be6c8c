//! The caches of all threads: how a thread gets one, and what becomes of it when the thread ends or the process forks.
//!
//! Caches stand in rooms, which only grow: a cache without an owner is used again, the lowest of the oldest room first. A thread gets one when it
//! first needs a small object, except where it is told to do without. Caches that nobody has had for the decay time give their pages back, and are
//! laid out anew when one needs them.
//!
//! Each has a word in its room: three flags, the number of the thread that has it, and how many forks lie behind the process of that. Who changes
//! a word from nobody's to its own has the cache.
//!
//! A thread that ends hands its cache back in the destructor of a pthread key. Programs count keys, so that is made when a second
//! thread gets a cache. Other destructors may run later and free what they have: without a cache, directly in the
//! arenas, and no cache is made again. Where no key is left, or the destructors' rounds were over, the owner's number tells: a cache whose
//! owner the kernel does not know is taken by a thread that needs one.
//!
//! A forked child leaves the other threads' caches as they are, so that their pages are not copied. Whose owner was left behind by a
//! fork, as the forks counted in its word say, belongs to nobody: a thread takes it with all that is in it, and `flush_left_behind`
//! empties it.

#![allow(unsafe_code)]

use super::cache::Cache;
use super::rooms::{self, LAID, OLD, OPEN, OWNED, Place, update};
use crate::base::shared::{AtomicI64, AtomicU32, AtomicUsize};
use crate::cache::{count, refill, work};
use crate::process::options::Purge;
use crate::process::{helper_call, options, statics};
use crate::sys::{calls, errno, thread};
use core::ffi::c_void;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

/// How many caches nobody has that have pages.
static IDLE: AtomicI64 = AtomicI64::new(0);
/// How many forks there were from the first process to this one.
static FORKS: AtomicU32 = AtomicU32::new(0);
/// How many caches' owners were asked for so far.
static ASKED: AtomicUsize = AtomicUsize::new(0);
/// The pthread key, or one of the two below.
static KEY: AtomicI64 = AtomicI64::new(KEY_NOT_MADE);

/// Destructors run in rounds, four at least; others' destructors have their frees in the first ones.
const ROUNDS: u32 = 3;
/// How many caches' owners are asked for at a time.
const ASK: usize = 4;

const FLAGS: u64 = OPEN | LAID | OLD;

/// Caches without a thread that are worth one: of each a few pages are in use.
const WORTH_CACHES: usize = 64;

const KEY_NOT_MADE: i64 = -1;
const KEY_REFUSED: i64 = -2;

/// The calling thread's cache, made now if it has none. `None` in a signal handler that interrupted the cache's or the
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
        // A thread that a fork left behind may have been at it just then.
        cache.used().for_each(|class| cache.set_capacity(class, cache.capacity(class)));
        if !cache.holds_any() {
            cache.set_home(statics::home());
        }
        // What a dead thread has left in it belongs to its home; and this one's turn may not have been to be had just now.
        thread::set_home(cache.home());
        cache.endings.store(0, Relaxed);
        thread::set_cache(cache.address());
        // A signal handler may have forked since the cache was claimed, and may do so here: this thread has another number then.
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

/// What says that the calling thread, of this process, has a cache: forks above, the thread's number below.
fn owner_now() -> u64 {
    forks() << u32::BITS | u64::from(thread::number())
}

/// The forks that words speak of: the bit above is a flag's.
fn forks() -> u64 {
    u64::from(FORKS.load(Relaxed) & u32::MAX >> 1)
}

/// The number of the thread that a word says has the cache; 0 if there is none.
fn number_in(word: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let number = (word & !FLAGS) as u32;
    number
}

/// Whether a word says that the cache is nobody's, or a thread's that a fork left behind.
fn is_nobody(word: u64) -> bool {
    number_in(word) == 0 || (word & !FLAGS) >> u32::BITS != forks()
}

/// Whether a word says that the cache is nobody's, and laid out.
fn is_idle(word: u64) -> bool {
    word & !OLD == OPEN | LAID
}

/// Makes the calling thread the owner of a cache whose word is `old`. False if that has changed.
fn claim(place: &Place, old: u64) -> bool {
    let new = old & (OPEN | LAID) | owner_now();
    let claimed = place.word().compare_exchange(old, new, Ordering::Acquire, Relaxed).is_ok();
    if claimed && is_idle(old) {
        IDLE.fetch_sub(1, Relaxed);
    }
    claimed
}

/// Makes the calling thread the owner of a cache that nobody has, if `wanted` says so of its word; what that was.
fn take(place: &Place, wanted: impl Fn(u64) -> bool) -> Option<u64> {
    let old = place.word().load(Relaxed);
    (is_nobody(old) && wanted(old) && claim(place, old)).then_some(old)
}

/// The calling thread has a cache no more: its word keeps some flags.
fn leave(place: &Place, flags: u64) {
    if is_idle(flags) {
        IDLE.fetch_add(1, Relaxed);
    }
    place.word().store(flags, Ordering::Release);
}

/// A cache that nobody has, now this thread's, and laid out.
fn claim_any() -> Option<Place> {
    let (place, old) = unused().or_else(orphaned).or_else(unopened)?;
    if !place.open() {
        leave(&place, 0);
        return None;
    }
    place.lay(old);
    // A thread whose end nobody told of is counted still.
    if is_nobody(old) {
        OWNED.fetch_add(1, Relaxed);
    }
    Some(place)
}

/// A cache that somebody had.
fn unused() -> Option<(Place, u64)> {
    let with_any = rooms::rooms().filter(|room| room.idle(forks()) != 0);
    let taken = |place: Place| take(&place, |word| word & OPEN != 0).map(|old| (place, old));
    let found = with_any.flat_map(|room| room.places()).find_map(taken)?;
    found.0.room.count_idle(forks(), -1);
    Some(found)
}

/// No destructor told of the end of some threads: a few are asked for each time, so that in the end all are.
fn orphaned() -> Option<(Place, u64)> {
    if cfg!(feature = "models") {
        // All threads live there.
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

/// A cache that nobody had yet.
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

/// All caches that are laid out. What is looked at for long may be all zero later.
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

/// Marks the caches that nobody has: those that still are so later were not needed meanwhile.
pub fn mark_idle() {
    for place in rooms::places() {
        if is_idle(place.word().load(Relaxed)) {
            let _ = place.word().compare_exchange(OPEN | LAID, OPEN | LAID | OLD, Relaxed, Relaxed);
        }
    }
}

/// Gives the pages of caches that nobody has back; of those that are marked only, or of all.
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

/// Takes a cache that nobody has to give back its pages: it is not laid out any more, and what it has counted is counted elsewhere. False if it
/// is not to be.
fn retire(place: &Place, wanted: impl Fn(u64) -> bool) -> bool {
    let Some(old) = take(place, wanted) else { return false };
    let Some(cache) = place.laid() else {
        leave(place, old);
        return false;
    };
    if cache.holds_any() {
        // Its thread could not empty it, beside a fork, or a signal handler has freed something at last.
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

/// Asks to be told when the calling thread ends.
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
    // SAFETY: the key is never deleted. It may allocate: the cache is in place.
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
            // SAFETY: made above, and nobody else has it.
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

/// The calling thread's cache goes back, empty.
fn give_up(cache: &'static Cache) {
    refill::flush_all(cache);
    cache.close();
    let place = rooms::place_of(cache);
    thread::set_cache(thread::no_cache());
    OWNED.fetch_sub(1, Relaxed);
    if let Some(place) = place {
        leave(&place, OPEN | LAID);
        place.room.count_idle(forks(), 1);
        look_at_caches(usize::try_from(IDLE.load(Relaxed)).unwrap_or(0));
    }
}

/// Empties the calling thread's cache; where caches are off by now, for good.
pub fn flush_mine() {
    // A signal handler that interrupted an operation must wait for nobody.
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

/// In a forked child: this thread keeps its cache, and the others' are nobody's. `old` is the number it had in the parent.
pub fn adopt_in_child(old: u32) {
    let before = forks() << u32::BITS | u64::from(old);
    FORKS.store(FORKS.load(Relaxed).wrapping_add(1), Relaxed);
    let mine = Cache::mine().and_then(rooms::place_of);
    let is_mine = |place: &Place| mine.is_some_and(|mine| core::ptr::eq(mine.word(), place.word()));
    // By number too: a signal handler may have forked while this thread was just getting its cache.
    let mine = rooms::places().filter(|place| is_mine(place) || place.word().load(Relaxed) & !FLAGS == before);
    let adopt = |place: &Place| {
        update(place.word(), Relaxed, |word| word & FLAGS | owner_now());
    };
    OWNED.store(mine.inspect(adopt).filter(|place| place.laid().is_some()).count(), Relaxed);
    let idle = rooms::places().filter(|place| is_idle(place.word().load(Relaxed)));
    IDLE.store(i64::try_from(idle.count()).unwrap_or(0), Relaxed);
}

/// After a thread's end: has the pages of caches that no thread has, so many, given back if they are many.
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
