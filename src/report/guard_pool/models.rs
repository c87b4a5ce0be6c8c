//! The pool under loom. Its pages stay open. `open` and `shut` compare what is done to them with what was done before.

#![allow(unsafe_code)]

use super::*;
use crate::base::model::{self, model};
use crate::base::pointer;
use std::cell::RefCell;
use std::collections::HashSet;

std::thread_local! {
    /// The memory of the pool. In a model, writes to the pool's records do not reach it. So all
    /// runs of a model, which are one thread to the system, have the same memory.
    static MEMORY: usize = {
        let layout = std::alloc::Layout::from_size_align(Pool::lengths()[2], UNIT).unwrap();
        // SAFETY: the layout has a size.
        unsafe { std::alloc::alloc_zeroed(layout) }.expose_provenance()
    };
    static OPEN: RefCell<HashSet<usize>> = RefCell::default();
    static REFUSED: RefCell<bool> = RefCell::default();
}

pub fn open(start: usize, _len: usize) -> bool {
    model::written(start);
    let refused = REFUSED.replace(false);
    assert!(refused || OPEN.with_borrow_mut(|open| open.insert(start)), "opened while it was open");
    !refused
}

pub fn shut(start: usize, _len: usize) -> bool {
    model::written(start);
    assert!(OPEN.with_borrow_mut(|open| open.remove(&start)), "shut while it was shut");
    true
}

/// The stacks of loom's threads are not walked: the one frame says which thread it is.
pub fn stack(frames: &mut [usize]) -> usize {
    frames[0] = thread::number() as usize;
    1
}

fn pool() -> &'static Pool {
    OPEN.take();
    // SAFETY: zeroes, never given back.
    let pool: &Pool = unsafe { pointer::to_ref(MEMORY.with(|&start| start)) };
    pool.begin();
    pool
}

/// A block at the right end of a slot, or a different one at the left end.
fn take(pool: &Pool, right: bool) -> Option<usize> {
    let family = if right { Family::Malloc } else { Family::New };
    pool.take(family, size(family), 1, right)
}

fn size(family: Family) -> usize {
    if family == Family::Malloc { 100 } else { 200 }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Done,
    /// It was freed before, which is reported.
    Again,
    /// The slot had another block by then.
    Gone,
}

/// Does what `guard::release` does.
fn free(pool: &Pool, address: usize) -> Outcome {
    match pool.find(address) {
        PoolLocation::Block(block) => match pool.free(&block) {
            Freed::Done => Outcome::Done,
            Freed::Damaged(_) => panic!("nobody wrote there"),
            Freed::Again => Outcome::Again,
        },
        PoolLocation::Freed(_) => Outcome::Again,
        _ => Outcome::Gone,
    }
}

/// Whether a block in use starts at an address, and all that is known of it is true.
fn is_used(pool: &Pool, address: usize) -> bool {
    matches!(pool.find(address), PoolLocation::Block(block) if is_whole(&block))
}

/// Whether what is known of a block fits one that `take` took.
fn is_whole(block: &GuardedBlock) -> bool {
    let stands = match block.family {
        Family::Malloc => block.start == align::down(block.to - block.size, GRAIN),
        _ => block.start == block.from,
    };
    let is_by = |trace: &Trace| trace.frames() == [trace.thread as usize];
    stands && block.size == size(block.family) && is_by(&block.allocated) && block.freed.as_ref().is_none_or(is_by)
}

/// Called when all threads have ended. Each slot is free or in use, the blocks in use are these,
/// and only their pages are open.
fn assert_used(pool: &Pool, blocks: &[usize]) {
    let states = pool.states.each_ref().map(|state| state.load(Relaxed) & STATE_MASK);
    assert_eq!(pool.free.load(Relaxed), SLOTS - blocks.len());
    assert_eq!(states.iter().filter(|&&state| state == FREE).count(), SLOTS - blocks.len());
    assert!(blocks.iter().all(|&block| is_used(pool, block)));
    assert_eq!((pool.used().count(), OPEN.with_borrow(HashSet::len)), (blocks.len(), blocks.len()));
}

#[test]
fn two_threads_take_different_slots() {
    model(2, || {
        let pool = pool();
        let other = loom::thread::spawn(|| take(pool, true).unwrap());
        let block = take(pool, true).unwrap();
        assert!(is_used(pool, block));
        let other = other.join().unwrap();
        assert_used(pool, &[block, other]);
        assert!(take(pool, true).is_none());
    });
}

#[test]
fn a_slot_is_taken_while_it_is_given_back() {
    model(2, || {
        let pool = pool();
        let blocks = [(); 2].map(|()| take(pool, true).unwrap());
        let freer = loom::thread::spawn(move || free(pool, blocks[0]));
        let taken = take(pool, true);
        assert!(is_used(pool, blocks[1]));
        assert_eq!(freer.join().unwrap(), Outcome::Done);
        assert_eq!(taken.or_else(|| take(pool, true)), Some(blocks[0]));
        assert_used(pool, &blocks);
    });
}

#[test]
fn a_slot_whose_pages_the_system_refuses_is_taken_by_another() {
    model(2, || {
        let pool = pool();
        let block = take(pool, true).unwrap();
        REFUSED.set(true);
        let taker = loom::thread::spawn(|| take(pool, true));
        let taken = [take(pool, true), taker.join().unwrap()];
        assert!(taken.contains(&None));
        let second = taken[0].or(taken[1]).or_else(|| take(pool, true)).unwrap();
        assert_used(pool, &[block, second]);
    });
}

#[test]
fn of_two_threads_that_free_a_block_one_does() {
    model(2, || {
        let pool = pool();
        let block = take(pool, true).unwrap();
        let freer = loom::thread::spawn(move || free(pool, block));
        let mut outcomes = [free(pool, block), freer.join().unwrap()];
        outcomes.sort_by_key(|&outcome| outcome == Outcome::Again);
        assert_eq!(outcomes, [Outcome::Done, Outcome::Again]);
        assert_used(pool, &[]);
        assert_eq!(free(pool, block), Outcome::Again);
    });
}

/// Frees the block of the one slot that is used again, and takes the next block there, at the other end.
fn free_and_take(pool: &Pool, block: usize) -> (Outcome, Option<usize>) {
    (free(pool, block), take(pool, false))
}

// Two threads run beside one that waits. Each may begin, and be interrupted by the other.
#[test]
fn a_block_that_is_freed_twice_takes_its_slot_from_no_other() {
    model(1, || {
        let pool = pool();
        let [block, kept] = [(); 2].map(|()| take(pool, true).unwrap());
        let first = loom::thread::spawn(move || free_and_take(pool, block));
        let second = loom::thread::spawn(move || free(pool, block));
        let ((first, next), second) = (first.join().unwrap(), second.join().unwrap());
        assert!([first, second].into_iter().filter(|&outcome| outcome == Outcome::Done).count() == 1);
        let next = next.or_else(|| take(pool, false)).unwrap();
        assert_used(pool, &[kept, next]);
    });
}

#[test]
fn what_is_found_in_a_slot_that_is_used_again_is_of_one_block() {
    model(1, || {
        let pool = pool();
        let [block, kept] = [(); 2].map(|()| take(pool, true).unwrap());
        let owner = thread::number();
        let other = loom::thread::spawn(move || free_and_take(pool, block));
        let finder = loom::thread::spawn(move || match pool.find(block) {
            PoolLocation::Block(found) => assert!(is_whole(&found) && found.start == block),
            PoolLocation::Freed(found) => {
                assert!(is_whole(&found) && found.start == block);
                assert!(found.freed.is_none_or(|freed| freed.thread != owner));
            }
            PoolLocation::Near(found) => {
                assert!(is_whole(&found) && found.start == found.from && found.allocated.thread != owner);
            }
            PoolLocation::NearFreed(_) => panic!("the next one stays"),
            // The slot is being taken.
            PoolLocation::Nowhere => {}
        });
        finder.join().unwrap();
        let (outcome, next) = other.join().unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert_used(pool, &[kept, next.unwrap()]);
    });
}
