#![allow(unsafe_code)]

use super::*;
use core::ffi::c_int;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::vec::Vec;

fn pool(bytes: usize, options: &Options) -> Pool {
    assert!(options.are_valid_for(bytes));
    Pool::new(bytes, options, 0).unwrap()
}

fn out(pool: &Pool) -> usize {
    pool.alloc().unwrap().address.as_ptr().addr()
}

fn visited(pool: &Pool) -> Vec<usize> {
    let mut seen = Vec::new();
    pool.for_each(|object| {
        assert_eq!(pool.enter().numbered(object.number), Some(object.address));
        seen.push(object.address.as_ptr().addr());
        true
    });
    seen
}

/// Gives an object back in one of the ways that callers have; all agree.
fn give(pool: &Pool, address: usize, way: usize) -> Result<(), Wrong> {
    let given = match way % 3 {
        0 => false,
        1 => pool.free_quickly(address),
        _ => {
            let number = pool.enter().number_of(address);
            // SAFETY: the pool is neither shared nor announced, and this thread is in no call.
            pool.is_plain
                && number
                    .is_some_and(|number| pool.owns(address) && unsafe { pool.alone() }.give_numbered(number, address))
        }
    };
    if given { Ok(()) } else { pool.free(address) }
}

/// Takes an object out. It is the lowest of those that have come back; or else it was never out, in which case none of
/// these is lower.
fn take(pool: &Pool, live: &mut BTreeSet<usize>, freed: &mut BTreeSet<usize>) -> Option<usize> {
    let address = pool.alloc()?.address.as_ptr().addr();
    assert!(live.insert(address) && address.is_multiple_of(pool.shape().align));
    freed.remove(&address);
    assert!(freed.first().is_none_or(|&first| first > address), "not the lowest");
    Some(address)
}

/// Does what the numbers say with a pool and with a set; both agree.
fn agrees(bytes: usize, options: &Options, steps: &[(u8, u16)]) {
    let pool = pool(bytes, options);
    let (mut live, mut freed) = (BTreeSet::new(), BTreeSet::new());
    for &(step, number) in steps {
        let nth = |set: &BTreeSet<usize>| set.iter().copied().nth(usize::from(number) % set.len().max(1));
        match step % 8 {
            0 if step >= 248 => {
                pool.reset();
                freed.append(&mut live);
            }
            1 if step >= 240 => {
                pool.trim();
                freed.clear();
            }
            0..3 => {
                for _ in 0..number % 200 {
                    if take(&pool, &mut live, &mut freed).is_none() {
                        assert_eq!(live.len(), options.limit);
                        break;
                    }
                }
            }
            3 => {
                // By turns: what was taken last, and others.
                for turn in 0..usize::from(number % 50) {
                    let taken = take(&pool, &mut live, &mut freed);
                    let other = nth(&live).filter(|_| turn % 2 == 0);
                    for address in [taken, other, live.first().copied()].into_iter().flatten() {
                        if live.remove(&address) {
                            assert_eq!(give(&pool, address, turn), Ok(()));
                            freed.insert(address);
                        }
                        assert_eq!(give(&pool, address, turn), Err(Wrong::Free));
                    }
                    assert_eq!(pool.check(), Ok(()));
                }
            }
            4..7 => {
                for way in 0..usize::from(number % 150) {
                    let Some(address) = nth(&live) else { break };
                    assert_eq!(give(&pool, address, way), Ok(()));
                    assert_eq!(give(&pool, address, way / 3), Err(Wrong::Free));
                    live.remove(&address);
                    freed.insert(address);
                }
            }
            _ => {
                if let Some(address) = nth(&live) {
                    assert!(pool.owns(address) && !pool.owns(address + 1));
                    if bytes > 1 {
                        assert_eq!(pool.free(address + 1), Err(Wrong::Inside(address)));
                    }
                }
                assert_eq!(give(&pool, usize::from(number), 1), Err(Wrong::Foreign));
                assert_eq!(give(&pool, 1, 1), Err(Wrong::Foreign));
            }
        }
        assert_eq!(pool.count(), live.len());
        assert_eq!(pool.check(), Ok(()));
    }
    assert_eq!(visited(&pool), Vec::from_iter(live));
}

fn steps() -> impl Strategy<Value = Vec<(u8, u16)>> {
    proptest::collection::vec((any::<u8>(), any::<u16>()), 1..if cfg!(miri) { 8 } else { 120 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 96 }))]

    #[test]
    fn agrees_with_a_set(bytes in 1usize..300, steps in steps()) {
        agrees(bytes, &Options::default(), &steps);
    }

    #[test]
    fn agrees_where_slabs_are_small(steps in steps()) {
        agrees(4096, &Options { align: 64, ..Options::default() }, &steps);
        agrees(40_000, &Options::default(), &steps[..steps.len().min(20)]);
    }

    #[test]
    fn agrees_behind_a_lock_and_with_a_limit(limit in 1usize..2000, steps in steps()) {
        agrees(24, &Options { shared: 1, limit, ..Options::default() }, &steps);
    }
}

#[test]
fn many_slabs_are_found() {
    let pool = pool(16 << 10, &Options::default());
    let all: Vec<_> = (0..if cfg!(miri) { 700 } else { 20_000 }).map(|_| out(&pool)).collect();
    assert_eq!(pool.check(), Ok(()));
    // Every second slab goes.
    let slab = |address: usize| address / pool.shape().slab_bytes;
    let slabs: Vec<_> = BTreeSet::from_iter(all.iter().map(|&address| slab(address))).into_iter().collect();
    let goes = |address: &usize| slabs.binary_search(&slab(*address)).unwrap() % 2 == 0;
    let (gone, mut left): (Vec<_>, Vec<_>) = all.into_iter().partition(goes);
    gone.iter().for_each(|&address| pool.free(address).unwrap());
    assert!(pool.trim() > 0);
    assert_eq!((pool.stats().slabs, pool.check()), (slabs.len() / 2, Ok(())));
    assert!(gone.iter().enumerate().all(|(way, &address)| give(&pool, address, way) == Err(Wrong::Foreign)));
    left.sort_unstable();
    assert_eq!(visited(&pool), left);
}

#[test]
fn a_callback_may_free_and_trim() {
    let pool = pool(100, &Options::default());
    let mut all: Vec<_> = (0..5000).map(|_| out(&pool)).collect();
    all.sort_unstable();
    let mut seen = Vec::new();
    pool.for_each(|object| {
        let address = object.address.as_ptr().addr();
        seen.push(address);
        pool.free(address).unwrap();
        if seen.len() % 300 == 0 {
            pool.trim();
        }
        // The one behind the next is not visited any more.
        if seen.len() == 1 {
            pool.free(all[2]).unwrap();
        }
        true
    });
    all.remove(2);
    assert_eq!(seen, all);
    assert_eq!((pool.count(), pool.check()), (0, Ok(())));
    assert!(pool.for_each(|_| false) || pool.count() == 0);
}

#[test]
fn objects_are_constructed_once_and_stay_so() {
    extern "C" fn construct(object: *mut c_void, argument: *mut c_void) -> c_int {
        // SAFETY: the pool's objects are words, and the argument two of them.
        unsafe {
            *object.cast::<usize>() = 7;
            let [made, refused] = &mut *argument.cast::<[usize; 2]>();
            *made += 1;
            c_int::from(*made == *refused)
        }
    }
    extern "C" fn destruct(object: *mut c_void, argument: *mut c_void) {
        // SAFETY: the same.
        unsafe {
            assert_eq!(*object.cast::<usize>(), 7);
            argument.cast::<[usize; 2]>().as_mut().unwrap()[0] -= 1;
        }
    }
    let mut counts = [0usize; 2];
    let argument: *mut c_void = (&raw mut counts).cast();
    let made = || {
        // SAFETY: nobody else has it.
        unsafe { *argument.cast::<usize>() }
    };
    let callbacks = Callbacks { construct: Some(construct), destruct: Some(destruct), argument };
    let options = Options { callbacks, reserve: 10, ..Options::default() };
    let pool = pool(8, &options);
    assert!(pool.reserve(10));
    let objects = pool.shape().objects;
    assert_eq!(made(), objects);
    let object = out(&pool);
    // SAFETY: it is out.
    assert_eq!(unsafe { *pointer::at::<usize>(object) }, 7);
    pool.free(object).unwrap();
    assert!(pool.trim() > 0 && made() == 0);
    // The third one cannot be made.
    // SAFETY: nobody else has it.
    unsafe { argument.cast::<usize>().add(1).write(3) };
    assert_eq!(pool.alloc(), None);
    assert_eq!((errno::errno(), made(), pool.stats().slabs), (libc::ENOMEM, 1, 0));
    // It destructs what was constructed, which the one that failed was not.
    // SAFETY: the same.
    unsafe { argument.cast::<[usize; 2]>().write([0, 0]) };
    assert!(pool.alloc().is_some());
    drop(pool);
    assert_eq!(counts, [0, 0]);
}

#[test]
#[cfg_attr(miri, ignore = "writes reports")]
fn what_is_invalid_is_refused() {
    let valid = |options: Options| options.are_valid_for(64);
    assert!(!Options::default().are_valid_for(shape::OBJECT_MAX + 1));
    assert!(!valid(Options { align: 3, ..Options::default() }) && !valid(Options { shared: 2, ..Options::default() }));
    assert!(!valid(Options { limit: 3, reserve: 4, ..Options::default() }));
    assert!(valid(Options { limit: 4, reserve: 4, align: 4096, shared: 1, ..Options::default() }));
}

#[test]
fn threads_share_a_pool() {
    struct Shared(Pool);
    // SAFETY: it is shared.
    unsafe impl Sync for Shared {}
    let pool = Shared(pool(48, &Options { shared: 1, ..Options::default() }));
    let work = |pool: &Shared, seed: usize| {
        let mut mine = Vec::new();
        for step in 0..if cfg!(miri) { 50 } else { 20_000 } {
            let address = out(&pool.0);
            // SAFETY: it is out, and this thread's.
            unsafe { pointer::at_mut::<usize>(address).write(seed) };
            mine.push(address);
            if !(step * 7 + seed).is_multiple_of(3) {
                let address = mine.swap_remove((step * 31) % mine.len());
                // SAFETY: the same.
                assert_eq!(unsafe { *pointer::at::<usize>(address) }, seed);
                pool.0.free(address).unwrap();
            }
        }
        mine.len()
    };
    let (pool, work) = (&pool, &work);
    let left: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..4).map(|seed| scope.spawn(move || work(pool, seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((pool.0.count(), pool.0.check()), (left, Ok(())));
}

#[test]
fn a_lower_object_goes_out_before_the_one_in_the_hand() {
    let pool = pool(64, &Options::default());
    let all: Vec<_> = (0..5).map(|_| out(&pool)).collect();
    for address in [all[4], all[1]] {
        assert!(pool.free_quickly(address));
        assert_eq!((pool.free_quickly(address), pool.free(address)), (false, Err(Wrong::Free)));
        assert_eq!(pool.check(), Ok(()));
    }
    assert_eq!([out(&pool), out(&pool)], [all[1], all[4]]);
}

#[test]
fn a_slab_may_come_that_is_lower_than_the_object_in_the_hand() {
    let shape = Shape::new(1000, 0, 0, 0);
    let mut slabs = [(); 2].map(|()| slab::make(&shape).unwrap());
    // SAFETY: they were just made.
    slabs.sort_by_key(|slab| unsafe { slab.as_ref() }.start);
    let mut hot = Hot::new(shape, usize::MAX, Directory::new(0, shape.slab_bytes).unwrap());
    hot.add(slabs[1]);
    let all: Vec<_> = core::iter::from_fn(|| hot.pop()).map(|object| object.address.as_ptr().addr()).collect();
    assert_eq!(all.len(), shape.objects);
    assert!(hot.give_quickly(all[7]));
    hot.add(slabs[0]);
    assert_eq!(hot.check(usize::MAX), Ok(()));
    // SAFETY: it was just made.
    assert_eq!(hot.pop().unwrap().address.as_ptr().addr(), unsafe { slabs[0].as_ref() }.start);
    // SAFETY: nobody uses the objects.
    unsafe {
        slabs.into_iter().for_each(|slab| slab::release(slab));
        hot.directory.release();
    }
}
