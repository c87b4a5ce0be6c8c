//! Units: the blocks of the heap that become slabs. The payload of such a block starts at a unit, and its last unit
//! ends with the header of the next block.
//!
//! ```text
//!     | header | unit ...          | header | unit ...          | 0 | unit ...          | header
//! ```
//!
//! Between two slabs the header may be missing, because its page was given back or never touched. The page map tells
//! what it was.

#![allow(unsafe_code)]

use super::block::{Block, Header, MIN_REST};
use super::heap::{Heap, aligned_in};
use super::page_map::{Entry, RECORD_SHIFT};
use crate::base::align;
use crate::base::config::{HEADER, MIN_BLOCK, UNIT};
use crate::sys::pages::PageSource;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// How many free blocks a search for units tries before it wants one with room for the alignment.
const EXACT_TRIES: usize = 8;

impl<S: PageSource + 'static> Heap<S> {
    /// Takes a block of `bytes`, which are whole units and end with the header of the next block. Returns its address,
    /// that of a unit.
    pub fn alloc_units(&mut self, bytes: usize) -> Option<usize> {
        let (found, start) = self.place_for_units(bytes).or_else(|| {
            self.grow(bytes + UNIT + MIN_BLOCK)?;
            self.place_for_units(bytes)
        })?;
        Some(self.take_at(found, start, bytes).block)
    }

    /// The free block to cut units out of, and the address where they start.
    fn place_for_units(&self, bytes: usize) -> Option<(Block, usize)> {
        // A search with room for the alignment misses each free block that is exactly right, such as that of another
        // slab that was given back. So this tries a few blocks that are large enough first, and prefers touched ones.
        let (mut candidate, mut fresh) = (self.free.find(bytes), None);
        for _ in 0..EXACT_TRIES {
            let Some(found) = candidate else { break };
            let start = aligned_in(found, UNIT);
            if start - found.address() + bytes <= self.trusted(found).size() {
                if !self.is_fresh(start) {
                    return Some((found, start));
                }
                fresh = fresh.or(Some((found, start)));
            }
            candidate = self.free.next_of_size(Some(found), bytes);
        }
        fresh.or_else(|| {
            let found = self.free.find(bytes + UNIT + MIN_BLOCK)?;
            Some((found, aligned_in(found, UNIT)))
        })
    }

    /// Whether the end of a unit and all behind it are untouched.
    fn is_fresh(&self, unit: usize) -> bool {
        self.map.get(unit).is_some_and(|region| region.untouched_from.load(Relaxed) <= unit + UNIT - HEADER)
    }

    /// Whether there is room for a unit that was touched before.
    pub fn has_touched_unit(&self) -> bool {
        self.place_for_units(UNIT).is_some_and(|(_, start)| !self.is_fresh(start))
    }

    /// Takes up to `most` neighbouring untouched units, each a block of its own. The first has a header, as from
    /// `alloc_units`. The headers of the others count as purged, so the caller has to put slabs there. If slabs of
    /// `slabs` bytes in all are dense, the units are all those of a new region for slabs. `None` if the next units are
    /// not untouched.
    pub fn take_fresh_units(&mut self, mut most: usize, slabs: usize) -> Option<Range<usize>> {
        let need = 2 * UNIT + MIN_BLOCK;
        let (found, start) = if self.is_dense(slabs) {
            // Memory that was made for blocks is not used: the rest of it may be sparse.
            let (found, region) = self.grow_for_slabs(need)?;
            most = region.len() / UNIT;
            (found, aligned_in(found, UNIT).max(region.start()))
        } else if let Some(place) = self.place_for_units(UNIT) {
            place
        } else {
            self.grow(need)?;
            self.place_for_units(UNIT)?
        };
        let end = (found.address() + self.trusted(found).size() - MIN_REST).min(self.map.get(start)?.end());
        let units = (end.saturating_sub(start) / UNIT).min(most);
        if units == 0 || !self.is_fresh(start) {
            return None;
        }
        let end = start + units * UNIT;
        self.take_at(found, start, end - start);
        let first = found.after(start - found.address());
        first.set_header(self.trusted(first).with_size(UNIT));
        self.figures.live_blocks += units - 1;
        Some(start..end)
    }

    /// Takes back the last of the units that `take_fresh_units` returned.
    ///
    /// # Safety
    /// The units are the end of that range, without its first unit, and nothing was done with them.
    pub unsafe fn give_fresh_units(&mut self, units: Range<usize>) {
        // SAFETY: the caller's promise. The first unit has a header again.
        unsafe {
            Block::at(units.start).set_header(Header::new(UNIT));
            self.join_units(units.start, units.end);
        }
        self.free_own(units.start);
    }

    /// Makes one block of neighbouring blocks of a unit each, which metes itself uses. Where no header stands between
    /// them none is written.
    ///
    /// # Safety
    /// From `start` to `end` there are only blocks in use of this heap, of a unit each, that belong to the caller. The
    /// first has its header.
    pub unsafe fn join_units(&mut self, start: usize, end: usize) {
        // SAFETY: the caller's promise.
        let first = unsafe { Block::at(start) };
        let size = end - start;
        for bytes in (UNIT..size).step_by(UNIT) {
            let between = first.after(bytes);
            if between.header() != Err(0) {
                self.trusted(between);
                between.clear_header();
            }
        }
        first.set_header(self.trusted(first).with_size(size));
        self.figures.live_blocks -= size / UNIT - 1;
    }

    /// The header of the block at `address` as it was before its page was purged: whole units, in use, after a block in
    /// use. `None` if it cannot have been purged, as no slab starts at the address right after another.
    #[cold]
    pub(super) fn purged_header(&self, address: usize) -> Option<Header> {
        let record = |unit: usize| self.map.slab_entry(unit).map_or(0, Entry::word) >> RECORD_SHIFT;
        let mine = record(address);
        if mine == 0 || !align::is(address, UNIT) || record(address - UNIT) == mine || record(address - UNIT) == 0 {
            return None;
        }
        let units = (1..).take_while(|units| record(address + units * UNIT) == mine).count() + 1;
        Some(Header::new(units * UNIT).with_in_use(true).with_prev_in_use(true))
    }

    /// Whether the page map tells the header of the block at the end of a slab, so that it may be purged.
    ///
    /// # Safety
    /// A slab of this heap ends there.
    pub unsafe fn can_purge_header(&self, address: usize) -> bool {
        // SAFETY: the caller's promise.
        match (unsafe { Block::at(address) }.header(), self.purged_header(address)) {
            (Ok(stands), Some(made)) => stands == made,
            (Err(raw), made) => raw == 0 && made.is_some(),
            (Ok(_), None) => false,
        }
    }

    /// Writes the header of the block at `address` again, if it was purged.
    ///
    /// # Safety
    /// A slab of this heap starts or ends there.
    pub unsafe fn restore_header(&self, address: usize) {
        // SAFETY: the caller's promise.
        let block = unsafe { Block::at(address) };
        if block.header() == Err(0)
            && let Some(header) = self.purged_header(address)
        {
            block.set_header(header);
        }
    }
}
