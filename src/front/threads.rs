//! The caches of all threads: how a thread gets one, and what becomes of it when the thread ends or the process forks.
//!
//! All caches ever made are in one list, which only grows: a cache without an owner is used again. A cache is made when its
//! thread first needs a small object, except where it is told to do without.
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

use super::cache::{self, Cache};
use super::{exchange, options, runtime};
use crate::base::shared::{AtomicI64, AtomicU32, AtomicUsize};
use crate::sys::linux::{self, Linux};
use crate::sys::pages::PageSource;
use crate::sys::thread;
use core::ffi::c_void;
use core::sync::atomic::{Ordering, Ordering::Relaxed, compiler_fence};

/// The newest of all caches.
static CACHES: AtomicUsize = AtomicUsize::new(0);
/// How many caches have an owner.
static OWNED: AtomicUsize = AtomicUsize::new(0);
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
    if !options::caches() || thread::is_gone() || thread::is_inside() {
        return None;
    }
    // A signal handler that comes now must not make another.
    thread::set_inside(true);
    let cache = unused().or_else(new);
    if let Some(cache) = cache {
        cache.enter_at_last();
        // A thread that a fork left behind may have been at it just then.
        cache.used().for_each(|class| cache.set_capacity(class, cache.capacity(class)));
        if cache.stacked() == 0 && cache.remote().is_empty() {
            cache.set_home(runtime::home());
        } else {
            // A dead thread's: what is in it belongs to its home.
            thread::set_home(cache.home());
        }
        cache.endings.store(0, Relaxed);
        thread::set_cache(cache.address());
        // A signal handler may have forked since the cache was claimed, and may do so here: this thread has another number then.
        loop {
            let owner = owner_now();
            cache.owner.store(owner, Relaxed);
            compiler_fence(Ordering::SeqCst);
            if owner == owner_now() {
                break;
            }
        }
        cache.open();
    }
    thread::set_inside(false);
    let cache = cache?;
    if !linux::is_main_thread() {
        linux::keeping_errno(|| watch_end(cache));
    }
    Some(cache)
}

/// What says that the calling thread, of this process, has a cache: forks above, the thread's number below.
fn owner_now() -> u64 {
    u64::from(FORKS.load(Relaxed)) << u32::BITS | u64::from(thread::number())
}

/// Whether an owner is nobody, or a thread that a fork left behind.
fn is_nobody(owner: u64) -> bool {
    owner == 0 || owner >> u32::BITS != u64::from(FORKS.load(Relaxed))
}

fn claim(cache: &Cache, owner: u64) -> bool {
    cache.owner.compare_exchange(owner, owner_now(), Ordering::Acquire, Relaxed).is_ok()
}

/// Makes the calling thread the owner of a cache that nobody has. False if somebody has it.
fn take(cache: &Cache) -> bool {
    let owner = cache.owner.load(Relaxed);
    is_nobody(owner) && claim(cache, owner)
}

/// A cache that nobody has, now this thread's.
fn unused() -> Option<&'static Cache> {
    if let Some(cache) = all().find(|cache| take(cache)) {
        OWNED.fetch_add(1, Relaxed);
        return Some(cache);
    }
    // No destructor told of the end of some threads: a few are asked for each time, so that in the end all are.
    let orphaned = |cache: &&'static Cache| {
        let owner = cache.owner.load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let number = owner as u32;
        number != thread::number() && !linux::thread_lives(number) && claim(cache, owner)
    };
    let from = ASKED.fetch_add(ASK, Relaxed);
    let count = all().count().max(1);
    all().cycle().skip(from % count).take(ASK.min(count)).find(orphaned)
}

fn new() -> Option<&'static Cache> {
    let bytes = crate::base::align::up(cache::BYTES, Linux.page_size());
    let address = Linux.map_guarded(bytes, Linux.page_size())?;
    // SAFETY: zeroed memory of a cache's size and alignment, never unmapped, of which all is atomics.
    let cache: &'static Cache = unsafe { &*core::ptr::with_exposed_provenance(address) };
    cache.begin();
    cache.owner.store(owner_now(), Relaxed);
    OWNED.fetch_add(1, Relaxed);
    let mut first = CACHES.load(Relaxed);
    loop {
        cache.next.store(first, Relaxed);
        match CACHES.compare_exchange_weak(first, address, Ordering::Release, Relaxed) {
            Ok(_) => return Some(cache),
            Err(now) => first = now,
        }
    }
}

/// How many threads have a cache.
pub fn caches() -> usize {
    OWNED.load(Relaxed)
}

/// All caches ever made.
pub fn all() -> impl Iterator<Item = &'static Cache> + Clone {
    let at = |address: usize| {
        // SAFETY: the list leads to caches, which are never unmapped.
        unsafe { core::ptr::with_exposed_provenance::<Cache>(address).as_ref() }
    };
    core::iter::successors(at(CACHES.load(Ordering::Acquire)), move |cache| at(cache.next.load(Relaxed)))
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
        thread::set_gone();
        give_up(cache);
    }
}

/// The calling thread's cache goes back, empty.
fn give_up(cache: &'static Cache) {
    exchange::flush_all(cache);
    cache.close();
    thread::set_cache(thread::no_cache());
    OWNED.fetch_sub(1, Relaxed);
    cache.owner.store(0, Ordering::Release);
}

/// Empties the calling thread's cache; where caches are off by now, for good.
pub fn flush_mine() {
    // A signal handler that interrupted an operation must wait for nobody.
    if !thread::is_inside()
        && let Some(cache) = cache()
    {
        if options::caches() {
            exchange::flush_all(cache);
        } else {
            give_up(cache);
        }
        flush_left_behind();
    }
}

/// Empties the caches of threads that a fork left behind.
fn flush_left_behind() {
    for cache in all().filter(|cache| cache.owner.load(Relaxed) != 0 && take(cache)) {
        exchange::flush_all(cache);
        cache.close();
        cache.owner.store(0, Ordering::Release);
    }
}

/// In a forked child: this thread keeps its cache, and the others' are nobody's. `old` is the number it had in the parent.
pub fn adopt_in_child(old: u32) {
    let forks = FORKS.load(Relaxed);
    let before = u64::from(forks) << u32::BITS | u64::from(old);
    FORKS.store(forks.wrapping_add(1), Relaxed);
    let address = Cache::mine().map(Cache::address);
    // By number too: a signal handler may have forked while this thread was just getting its cache.
    let mine = all().filter(|cache| address == Some(cache.address()) || cache.owner.load(Relaxed) == before);
    OWNED.store(mine.inspect(|cache| cache.owner.store(owner_now(), Relaxed)).count(), Relaxed);
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;

    /// Loom reports words of a cache that two threads use at a time.
    fn use_a_cache() {
        let cache = unused().or_else(new).unwrap();
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
            assert_eq!(caches(), 0);
            assert!(all().count() <= 2 && all().all(|cache| cache.owner.load(Relaxed) == 0));
        });
    }

    #[test]
    fn caches_in_the_list_are_laid_out_and_none_is_missing() {
        model(2, || {
            let makers = [(); 2].map(|()| loom::thread::spawn(|| new().unwrap()));
            assert!(all().all(|cache| cache.stacked() == 0));
            makers.into_iter().for_each(|thread| assert!(!thread.join().unwrap().is_open()));
            assert_eq!(all().count(), 2);
        });
    }
}
