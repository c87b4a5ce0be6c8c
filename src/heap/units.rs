//! Units: the blocks of the heap that slabs stand in, cut so that their payload starts at a unit and ends with the next block's header.
//!
//! ```text
//!     | header | unit ...          | header | unit ...          | 0 | unit ...          | header
//! ```
//!
//! Between two slabs the header may be missing, as its page was given back or never touched: the page map tells what it was.

#![allow(unsafe_code)]

use super::block::{self, Block, Header, MIN_REST};
use super::heap::{Heap, aligned_in};
use super::page_map::{Entry, RECORD_SHIFT};
use crate::base::align;
use crate::base::config::{HEADER, MIN_BLOCK, UNIT};
use crate::sys::pages::PageSource;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// How many holes a search for units looks at before it asks for room to align in.
const EXACT_TRIES: usize = 8;

impl<S: PageSource + 'static> Heap<S> {
    /// A block whose payload starts at a unit and whose `bytes`, whole units, end with the next block's header.
    pub fn alloc_units(&mut self, bytes: usize) -> Option<Block> {
        let (found, start) = self.place_for_units(bytes).or_else(|| {
            self.grow(bytes + UNIT + MIN_BLOCK)?;
            self.place_for_units(bytes)
        })?;
        Some(self.take_at(found, start, bytes).block)
    }

    /// The free block that units would be cut out of, and from where on.
    fn place_for_units(&self, bytes: usize) -> Option<(Block, Block)> {
        // A search with room for the alignment passes every hole that is exactly right, such as that of another slab
        // that was given back. So the first few that are large enough are looked at before, and those of them that were touched before others.
        let (mut candidate, mut fresh) = (self.free.find(bytes), None);
        for _ in 0..EXACT_TRIES {
            let Some(found) = candidate else { break };
            let start = aligned_in(found, UNIT);
            if start - found + bytes <= self.trusted(found).size() {
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

    /// Whether nobody has touched the end of a unit, nor what is behind.
    fn is_fresh(&self, unit: Block) -> bool {
        self.map.get(unit).is_some_and(|region| region.untouched_from.load(Relaxed) <= unit + UNIT - HEADER)
    }

    /// Whether there is room for a unit that was touched before.
    pub fn has_touched_unit(&self) -> bool {
        self.place_for_units(UNIT).is_some_and(|(_, start)| !self.is_fresh(start))
    }

    /// Up to so many units that nobody has touched yet, each a block of its own: the first as `alloc_units` would have it, the others with headers
    /// as if purged, so the caller puts slabs there, beside others of so many bytes. All units of a region that is made for slabs. `None` if what would
    /// be taken next is no such unit.
    pub fn take_fresh_units(&mut self, mut most: usize, slabs: usize) -> Option<Range<Block>> {
        let need = 2 * UNIT + MIN_BLOCK;
        let (found, start) = if self.is_dense(slabs) {
            // Not from what was made for blocks: the rest of that may be sparse.
            let (found, region) = self.grow_for_slabs(need)?;
            most = region.len() / UNIT;
            (found, aligned_in(found, UNIT).max(region.start()))
        } else if let Some(place) = self.place_for_units(UNIT) {
            place
        } else {
            self.grow(need)?;
            self.place_for_units(UNIT)?
        };
        let end = (found + self.trusted(found).size() - MIN_REST).min(self.map.get(start)?.end());
        let units = (end.saturating_sub(start) / UNIT).min(most);
        if units == 0 || !self.is_fresh(start) {
            return None;
        }
        let end = start + units * UNIT;
        self.take_at(found, start, end - start);
        block::set_header(start, self.trusted(start).with_size(UNIT));
        self.figures.live_blocks += units - 1;
        Some(start..end)
    }

    /// Takes the last of the units that `take_fresh_units` returned back.
    ///
    /// # Safety
    /// They are, but for the first one, whole, and nothing was done with them.
    pub unsafe fn give_fresh_units(&mut self, units: Range<Block>) {
        block::set_header(units.start, Header::new(UNIT));
        // SAFETY: the caller's promise; the first has a header again.
        unsafe { self.join_units(units.start, units.end) };
        self.free_own(units.start);
    }

    /// Makes one block of neighbours of a unit each that metes itself has. Where no header stands between them none is written.
    ///
    /// # Safety
    /// From `start` to `end` there are nothing but blocks of this heap in use, of a unit each, that are the caller's. The first has its header.
    pub unsafe fn join_units(&mut self, start: Block, end: Block) {
        for between in (start + UNIT..end).step_by(UNIT) {
            if block::header(between) != Err(0) {
                self.trusted(between);
                block::clear_header(between);
            }
        }
        let size = end - start;
        block::set_header(start, self.trusted(start).with_size(size));
        self.figures.live_blocks -= size / UNIT - 1;
    }

    /// The header of a slab's block whose page may have been purged, as it stands at the end of the slab before: whole units, in
    /// use, and so is the one before.
    #[cold]
    pub(super) fn purged_header(&self, block: Block) -> Option<Header> {
        let record = |unit: usize| self.map.slab_entry(unit).map_or(0, Entry::word) >> RECORD_SHIFT;
        let mine = record(block);
        if mine == 0 || !align::is(block, UNIT) || record(block - UNIT) == mine || record(block - UNIT) == 0 {
            return None;
        }
        let units = (1..).take_while(|units| record(block + units * UNIT) == mine).count() + 1;
        Some(Header::new(units * UNIT).with_in_use(true).with_prev_in_use(true))
    }

    /// Whether the header of the block at the end of a slab can be had without its page.
    ///
    /// # Safety
    /// A slab of this heap ends there.
    pub unsafe fn can_purge_header(&self, block: Block) -> bool {
        match (block::header(block), self.purged_header(block)) {
            (Ok(stands), Some(made)) => stands == made,
            (Err(raw), made) => raw == 0 && made.is_some(),
            (Ok(_), None) => false,
        }
    }

    /// Writes a purged header anew, if the one of `block` is.
    ///
    /// # Safety
    /// A slab of this heap starts or ends there.
    pub unsafe fn restore_header(&self, block: Block) {
        if block::header(block) == Err(0)
            && let Some(header) = self.purged_header(block)
        {
            block::set_header(block, header);
        }
    }
}
