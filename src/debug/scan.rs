//! Scans of all checked blocks: for the validators, for leaks, and at exit.

use super::looks::{untouched, waiting};
use super::under_way::{AT_WORK, GIVING, KEEPING};
use crate::base::code::Code;
use crate::base::operation::Operation;
use crate::debug::quarantine;
use crate::heap::check::Broken;
use crate::process::statics;
use crate::report::checked_block::extent;
use crate::report::misuse;
use crate::report::trailer::{CheckedBlock, Facts};
use crate::route::guard;
use crate::sys::{calls, valgrind};
use core::sync::atomic::Ordering::SeqCst;

/// The most milliseconds that the exit waits for other threads, in all.
const PATIENCE: usize = 500;

/// Fails with the first block in quarantine that was written to.
pub fn check() -> Result<(), Broken> {
    let mut first = None;
    quarantine::for_each(|start| {
        let is_whole =
            |block: CheckedBlock| block.facts().is_ok_and(|facts| quarantine::written(block, facts).is_none());
        if first.is_none() && !extent(start).is_some_and(is_whole) {
            first = Some(start);
        }
    });
    match first {
        None => Ok(()),
        Some(address) => Err(Broken { what: "a freed block was written to", address }),
    }
}

/// Calls `f` with every block in use whose trailer is whole. Leaves out those that other threads are just getting.
pub fn for_each_in_use(f: &mut dyn FnMut(CheckedBlock, Facts)) {
    keeping_mappings(&mut { PATIENCE }, |_| {
        for_each_out(&mut |block| {
            if let Ok(facts) = block.facts()
                && !facts.freed
            {
                f(block, facts);
            }
        });
    });
}

/// Calls `f` with every block that the heaps count as in use.
fn for_each_out(f: &mut dyn FnMut(CheckedBlock)) {
    for arena in statics::arenas().filter_map(|arena| arena.enter(Operation::Other)) {
        arena.for_each_out(&mut |start| extent(start).into_iter().for_each(&mut *f));
    }
    statics::MAPPINGS.for_each(|record| extent(record.start()).into_iter().for_each(&mut *f));
}

/// The address behind the end of a block in use that was written to.
fn damaged_at(block: CheckedBlock) -> Option<usize> {
    match block.facts() {
        Ok(facts) if facts.freed => None,
        Ok(facts) => block.first_damaged(facts.size),
        Err(_) if block.is_vacant() => None,
        Err(_) => Some(block.end - 8),
    }
}

/// Waits while `busy` returns true and `patience` lasts. Returns whether `busy` turned false.
fn wait_while(patience: &mut usize, busy: impl Fn() -> bool) -> bool {
    while busy() {
        let Some(left) = patience.checked_sub(1) else { return false };
        *patience = left;
        calls::sleep(1);
    }
    true
}

/// Looks at blocks in use: one behind whose end something was written may never be freed.
fn look_at_ends(patience: &mut usize) {
    for_each_out(&mut |block| {
        if damaged_at(block).is_none() {
            return;
        }
        // Another thread may be just getting it. While one may be, nothing can be told.
        if !wait_while(patience, || AT_WORK.load(SeqCst) != 0 && damaged_at(block).is_some()) {
            return;
        }
        if let Some(at) = damaged_at(block) {
            let what = format_args!("byte {} of this block, behind its end, was written to", at - block.start);
            misuse::found_meanwhile(Code::Overflow, block.start, at, what);
        }
    });
}

/// Runs `f` while no other thread gives a mapping back.
fn keeping_mappings<R>(patience: &mut usize, f: impl FnOnce(&mut usize) -> R) -> Option<R> {
    KEEPING.store(true, SeqCst);
    let result = wait_while(patience, || GIVING.load(SeqCst) != 0).then(|| f(patience));
    KEEPING.store(false, SeqCst);
    result
}

/// Called at exit: looks at all blocks in use and in quarantine. Has a frame of its own, as the
/// caller's is searched for pointers next.
#[inline(never)]
pub fn finish() {
    if valgrind::listens() {
        return;
    }
    guard::finish();
    keeping_mappings(&mut { PATIENCE }, look_at_ends);
    quarantine::for_each(|start| {
        let _ = waiting(start).and_then(|(block, _)| untouched(block));
    });
}
