//! Exact blocks: each has a trailer (`report::trailer`) behind the bytes that were asked for, so that one byte too many
//! is noticed when the block is freed, and what is freed is filled, so that a late write is noticed when a small block
//! is handed out again. Under a tool of valgrind's each block is announced to it, with just these bytes.

#![allow(unsafe_code)]

use super::blocks::{self, Taken};
use super::small::Damaged;
use super::table::Inside;
use crate::base::config::{GRAIN, KEY_END, REQUEST_MAX};
use crate::base::family::Family;
use crate::base::pointer;
use crate::heap::heap::BlockMisuse;
use crate::heap::range_record::RangeRecord;
use crate::report::trailer::{self, CheckedBlock, FILL, Facts};
use crate::sys::{mempool, valgrind};
use core::ops::Range;

/// What is wrong with an exact block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It is no block in use.
    Block(BlockMisuse),
    /// A byte behind the block of this many bytes was written to, at this address. A free has freed it.
    Overflow(usize, usize),
    /// Its last word, which says how many bytes it has, was overwritten: by this. Nothing was done.
    Trailer(u64),
}

/// The address that valgrind knows a compartment by: that of what it has.
fn pool(inside: &Inside) -> usize {
    pointer::expose(inside)
}

/// A compartment is there.
pub fn announce(inside: &Inside) {
    mempool::pool_created!(pool(inside), GRAIN);
}

/// It is gone, or all its blocks are.
pub fn renounce(inside: &Inside) {
    mempool::pool_destroyed!(pool(inside));
}

/// The bytes that are filled while a block waits: what was asked for, but for the words that the list needs.
fn filled(block: CheckedBlock, size: usize) -> Range<usize> {
    block.start + KEY_END.min(size)..block.start + size
}

/// The block in use at an address, and what its trailer says.
fn find(region: &RangeRecord, address: usize) -> Result<(CheckedBlock, Facts), Wrong> {
    let usable = blocks::in_use(region, address).map_err(Wrong::Block)?;
    let block = CheckedBlock { start: address, end: address + usable };
    match block.facts() {
        Ok(Facts { freed: true, size, .. }) => Err(Wrong::Block(BlockMisuse::Freed(size.max(1)))),
        Ok(facts) => Ok((block, facts)),
        Err(raw) => Err(Wrong::Trailer(raw)),
    }
}

/// How many bytes were asked for a block in use.
pub fn asked(region: &RangeRecord, address: usize) -> Result<usize, Wrong> {
    let (block, facts) = find(region, address)?;
    match block.last_damaged(facts.size) {
        Some(at) => Err(Wrong::Overflow(facts.size, at)),
        None => Ok(facts.size),
    }
}

/// Makes a block in use a freed one: how many bytes were asked for, and where it was written beyond. Can be called in a
/// signal handler, and then `Inside::give_claimed`.
pub fn claim(region: &RangeRecord, address: usize) -> Result<(usize, Option<usize>), Wrong> {
    let (block, facts) = find(region, address)?;
    let damage = block.first_damaged(facts.size);
    if block.claim(facts, trailer::here()) {
        Ok((facts.size, damage))
    } else {
        Err(Wrong::Block(BlockMisuse::Freed(facts.size.max(1))))
    }
}

impl Inside {
    /// As `take`; usable are just `n` bytes.
    #[cold]
    #[inline(never)]
    pub(super) fn take_exact(&mut self, n: usize, align: usize) -> Result<Option<Taken>, Damaged> {
        if n > REQUEST_MAX {
            return Ok(None);
        }
        let Some(taken) = self.take(n + trailer::overhead(), align)? else { return Ok(None) };
        let Taken { address, usable, .. } = taken;
        let block = CheckedBlock { start: address, end: address + usable };
        if taken.waited
            && !valgrind::listens()
            && let Ok(Facts { freed: true, size, .. }) = block.facts()
        {
            // SAFETY: bytes of a block that nobody has.
            let is_changed = |&at: &usize| unsafe { pointer::at::<u8>(at).read() != FILL };
            if let Some(at) = filled(block, size).find(is_changed) {
                return Err(Damaged(at));
            }
        }
        block.begin(n, align, Family::Malloc, trailer::here());
        mempool::pool_allocated!(pool(self), address, n);
        Ok(Some(Taken { usable: n, dirty: n, ..taken }))
    }

    /// As `give`; how many bytes were asked for.
    #[cold]
    #[inline(never)]
    pub(super) fn give_exact(&mut self, region: &RangeRecord, address: usize) -> Result<usize, Wrong> {
        self.in_use(region, address).map_err(Wrong::Block)?;
        let (size, damage) = claim(region, address)?;
        self.give_claimed(region, address)?;
        damage.map_or(Ok(size), |at| Err(Wrong::Overflow(size, at)))
    }

    /// Takes a block back that was claimed.
    pub(super) fn give_claimed(&mut self, region: &RangeRecord, address: usize) -> Result<(), Wrong> {
        let usable = blocks::in_use(region, address).map_err(Wrong::Block)?;
        let block = CheckedBlock { start: address, end: address + usable };
        let Facts { size, .. } = block.facts().map_err(Wrong::Trailer)?;
        if !valgrind::listens() {
            let Range { start, end } = filled(block, size);
            // SAFETY: the block was in use, and its owner gives it up.
            unsafe { pointer::at_mut::<u8>(start).write_bytes(FILL, end - start) };
        }
        mempool::pool_freed!(pool(self), address);
        self.give(region, address).map_err(Wrong::Block).map(|_| ())
    }

    /// As `resize`, of a block that `asked` has told the bytes of.
    pub(super) fn resize_exact(&mut self, region: &RangeRecord, address: usize, n: usize) -> bool {
        let (Ok((block, facts)), Some(room)) = (find(region, address), n.checked_add(trailer::overhead())) else {
            return false;
        };
        let Some(usable) = self.resize(address, block.end - block.start, room) else { return false };
        let block = CheckedBlock { start: address, end: address + usable };
        block.begin(n, GRAIN, Family::Malloc, trailer::here());
        mempool::pool_resized!(pool(self), address, facts.size, n);
        true
    }

    /// The first block that was written beyond: its address, its bytes, and where.
    pub(super) fn first_overflow(&mut self) -> Option<(usize, usize, usize)> {
        let mut found = None;
        self.walk(&mut |address, usable| {
            let block = CheckedBlock { start: address, end: address + usable };
            let (size, at) = match block.facts() {
                Ok(facts) => (facts.size, block.first_damaged(facts.size)),
                Err(_) => (usable - 8, Some(block.end - 8)),
            };
            found = at.map(|at| (address, size, at));
            found.is_none()
        });
        found
    }
}
