//! Regions: how a heap gets address space, joins neighbours, and gives it back.
//!
//! ```text
//!     region     | pad 8 | header, payload ...                          | fence 8 |
//!     joined     | pad 8 | header, payload ... ====== fence+pad = 16 ====== ... payload | fence 8 |
//! ```
//!
//! A fence is a header in use of no size. Where one region ends and the next of the same heap begins, fence and pad
//! together are sixteen bytes, a grain: joining turns them into the inside of a free block, and parting makes them again.

use super::block::{self, Header};
use super::heap::Heap;
use super::range_record::{Kind, RangeRecord};
use crate::base::config::{
    BLOCK_MAX, DENSE_DIVISOR, GROWTH_DIVISOR, HEADER, MIN_BLOCK, REGION_GRANULE, REGION_STEP_MAX, UNIT,
};
use crate::base::{align, pointer};
use crate::sys::pages::{self, PageSource};
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// Pad and fence.
const EDGES: usize = 2 * HEADER;

impl<S: PageSource + 'static> Heap<S> {
    /// Gets a region with room for a block of `need` bytes, next to the others if possible, and returns the free block
    /// that has it. Where the system gives no region of the usual size it is asked for smaller ones, down to what the
    /// block needs. `None` when it gives no more.
    pub(super) fn grow(&mut self, need: usize) -> Option<block::Block> {
        let step = self.figures.held / GROWTH_DIVISOR;
        // What is too much for one block is not joined.
        if need > step
            && self.grow_downwards(need).is_some()
            && let Some(found) = self.free.find(need)
        {
            return Some(found);
        }
        self.grow_by(need, step, false)?;
        self.free.find(need)
    }

    /// Gets a region right before the newest one, whose first block is free, and so only what that lacks: else who asks for more each time would have
    /// twice as much as it needs.
    fn grow_downwards(&mut self, need: usize) -> Option<()> {
        let newest = self.regions.filter(|newest| newest.joined.load(Relaxed) == 0 && !self.source.maps_from_tool())?;
        let first = self.trusted(newest.start() + EDGES);
        let free = if first.in_use() { 0 } else { first.size() };
        let len = align::up(need.checked_sub(free)?, REGION_GRANULE);
        if free < REGION_GRANULE || need > BLOCK_MAX {
            return None;
        }
        let start = newest.start().checked_sub(len)?;
        if !self.map_at(start, len)? {
            return None;
        }
        self.add_region_at(start, len, need, false).map(|_| ())
    }

    /// The same, for units that slabs of small objects will fill: huge pages at once, and so no more than will be filled soon.
    pub(super) fn grow_for_slabs(&mut self, need: usize) -> Option<(block::Block, &'static RangeRecord)> {
        self.grow_by(need, self.figures.held / DENSE_DIVISOR, true)
    }

    fn grow_by(&mut self, need: usize, step: usize, for_slabs: bool) -> Option<(block::Block, &'static RangeRecord)> {
        let least = align::up_checked(need.checked_add(EDGES + MIN_BLOCK)?, UNIT)?;
        if least > BLOCK_MAX {
            return None;
        }
        let mut len = align::up_checked(least.max(step.min(REGION_STEP_MAX)), REGION_GRANULE)?;
        loop {
            let added = self.add_region(len, need, for_slabs);
            if added.is_some() {
                return added;
            }
            if len == least {
                return None;
            }
            len = align::up(len / 2, UNIT).max(least);
        }
    }

    fn add_region(&mut self, len: usize, need: usize, for_slabs: bool) -> Option<(block::Block, &'static RangeRecord)> {
        let start = self.place_region(len)?;
        self.add_region_at(start, len, need, for_slabs)
    }

    fn add_region_at(
        &mut self,
        start: usize,
        len: usize,
        need: usize,
        for_slabs: bool,
    ) -> Option<(block::Block, &'static RangeRecord)> {
        let Some(record) = self.records.take(&self.source) else {
            // SAFETY: mapped by the caller, and nobody has seen it.
            #[expect(unsafe_code, reason = "undoing the caller's map call")]
            unsafe {
                self.source.unmap(start, len)
            };
            return None;
        };
        record.start.store(start, Relaxed);
        record.len.store(len, Relaxed);
        record.arena.store(self.arena, Relaxed);
        record.joined.store(0, Relaxed);
        record.set_kind(Kind::Region);
        if !self.map.set(&self.source, start, len, record) {
            self.records.put(record);
            // SAFETY: mapped above, and nobody has seen it.
            #[expect(unsafe_code, reason = "undoing the map call above")]
            unsafe {
                self.source.unmap(start, len)
            };
            return None;
        }
        record.next.store(self.regions.map_or(0, |next| pointer::expose(next)), Relaxed);
        self.regions = Some(record);
        self.begin_huge(record, need, for_slabs);
        self.figures.regions += 1;
        self.figures.held += len;
        self.figures.peak_held = self.figures.peak_held.max(self.figures.held);
        Some((self.join(record), record))
    }

    /// Address space for a region: before the newest one, where Linux has most room, else after it, else anywhere.
    fn place_region(&self, len: usize) -> Option<usize> {
        if let Some(start) = self.source.map_from_tool(len, UNIT) {
            return Some(start);
        }
        if let Some(newest) = self.regions {
            for place in [newest.start().saturating_sub(len), newest.end()] {
                if self.map_at(place, len)? {
                    return Some(place);
                }
            }
        }
        pages::map_aligned(&self.source, 0, len, if len < REGION_GRANULE { UNIT } else { REGION_GRANULE })
    }

    /// Maps address space at one place; whether it was free. `None` if the system gives none anywhere.
    fn map_at(&self, place: usize, len: usize) -> Option<bool> {
        let start = self.source.map(place, len)?;
        if start != place {
            // SAFETY: mapped just now, and nobody has seen it.
            #[expect(unsafe_code, reason = "undoing the map call above")]
            unsafe {
                self.source.unmap(start, len)
            };
        }
        Some(start == place)
    }

    /// Makes a new region's memory a free block, one with what is free on both sides of it, and returns that.
    fn join(&mut self, record: &'static RangeRecord) -> block::Block {
        let (start, end) = (record.start(), record.end());
        // A segment is no longer than a block may be: one free block may fill it.
        let room = BLOCK_MAX.saturating_sub(record.len());
        let below = self.map.get(start - 1).filter(|s| self.owns_region(s) && self.segment(s).len() <= room);
        let room = room.saturating_sub(below.map_or(0, |s| self.segment(s).len()));
        let above = self.map.get(end).filter(|s| self.owns_region(s) && self.segment(s).len() <= room);

        let mut prev_in_use = true;
        let mut block = start + EDGES;
        if below.is_some() {
            block = start;
            let fence = self.trusted(start);
            prev_in_use = fence.prev_in_use();
            record.joined.store(1, Relaxed);
        }
        let size = match above {
            Some(above) => {
                above.joined.store(1, Relaxed);
                end + EDGES - block
            }
            None => {
                block::set_header(end, Header::new(0));
                end - block
            }
        };
        record.untouched_from.store(start + EDGES + MIN_BLOCK, Relaxed);
        let header = Header::new(size).with_prev_in_use(prev_in_use);
        block::set_header(block, header);
        let free = self.give(block, header);
        if !prev_in_use {
            // Merged into the free block before: its tag and the fence are inside now, where all has to be zero.
            block::clear_tag(block, 0);
            block::clear_header(block);
        }
        free
    }

    /// The addresses of the joined regions around `record`.
    pub(super) fn segment(&self, record: &'static RangeRecord) -> Range<usize> {
        let mut first = record;
        while first.joined.load(Relaxed) != 0
            && let Some(before) = self.map.get(first.start() - 1)
        {
            first = before;
        }
        let mut end = record.end();
        while let Some(next) = self.joined_at(end) {
            end = next.end();
        }
        first.start()..end
    }

    /// The region that starts at `address` and is joined with the one before it.
    fn joined_at(&self, address: usize) -> Option<&'static RangeRecord> {
        self.map.get(address).filter(|next| self.owns_region(next) && next.joined.load(Relaxed) != 0)
    }

    /// Cuts the regions at both ends of a free block where a region of the usual kind might start, so that what lies between are
    /// whole regions: a block that stays would else keep the address space of all of its region. Where there is no record for another
    /// region that is left.
    pub(super) fn cut_around(&mut self, free: block::Block) {
        let (head, tail) = (free - HEADER, free - HEADER + self.trusted(free).size());
        // A block stays before, and one behind, each with an edge.
        let first = align::up(head + EDGES + MIN_BLOCK, REGION_GRANULE);
        let last = align::down(tail.saturating_sub(EDGES + MIN_BLOCK), REGION_GRANULE);
        if first < last {
            self.cut(first);
            self.cut(last);
        }
    }

    /// Makes two joined regions of the one around `at`.
    fn cut(&mut self, at: usize) {
        let Some(lower) = self.map.get(at).filter(|region| region.start() != at) else { return };
        let Some(upper) = self.records.take(&self.source) else { return };
        self.forget_huge(lower);
        let (end, untouched_from) = (lower.end(), lower.untouched_from.load(Relaxed));
        upper.start.store(at, Relaxed);
        upper.len.store(end - at, Relaxed);
        upper.arena.store(self.arena, Relaxed);
        upper.asked.store(lower.asked.load(Relaxed), Relaxed);
        upper.owed.store(0, Relaxed);
        upper.seen.store(0, Relaxed);
        upper.joined.store(1, Relaxed);
        upper.untouched_from.store(untouched_from.max(at + EDGES + MIN_BLOCK), Relaxed);
        upper.next.store(lower.next.load(Relaxed), Relaxed);
        upper.set_kind(Kind::Region);
        // The leaves are there: nothing can fail.
        let _ = self.map.set(&self.source, at, end - at, upper);
        lower.len.store(at - lower.start(), Relaxed);
        lower.untouched_from.store(untouched_from.min(at), Relaxed);
        lower.next.store(pointer::expose(upper), Relaxed);
        self.figures.regions += 1;
    }

    /// The whole regions inside a free block, as a range of addresses that can be given back; empty if there are none.
    fn whole_regions(&self, free: block::Block, size: usize) -> Range<usize> {
        let (head, tail) = (free - HEADER, free - HEADER + size);
        let fits = |rest: usize| rest == 0 || rest >= MIN_BLOCK;
        let Some(first) = self.map.get(head) else { return 0..0 };
        let mut start = first.start();
        if head != start + HEADER || first.joined.load(Relaxed) != 0 {
            start = first.end();
            // The piece that stays before ends with a fence, 8 bytes before the region's end.
            while start < tail && !fits(start - HEADER - head) {
                start = self.map.get(start).map_or(usize::MAX, RangeRecord::end);
            }
        }
        let Some(last) = self.map.get(tail - 1) else { return 0..0 };
        let mut end = last.end();
        // A header at the very end of a region is the fence, or that of a block which starts in the region joined to it.
        if tail != end - HEADER || self.joined_at(end).is_some() {
            end = last.start();
            while end > start && !fits(tail.saturating_sub(end + HEADER)) {
                end = self.map.get(end - 1).map_or(0, RangeRecord::start);
            }
        }
        if start < end { start..end } else { 0..0 }
    }

    /// Gives the whole regions inside a free block back to the system, but for the heap's last one if that is to be kept; how many
    /// bytes that were.
    pub(super) fn release_regions(&mut self, free: block::Block, keep_last: bool) -> usize {
        let header = self.trusted(free);
        let mut run = self.whole_regions(free, header.size());
        if keep_last && run.len() == self.figures.held {
            run.start = self.map.get(run.start).map_or(run.end, RangeRecord::end);
        }
        if run.is_empty() {
            return 0;
        }
        let (head, tail) = (free - HEADER, free - HEADER + header.size());
        let (has_front, has_back) = (head < run.start, self.joined_at(run.end).is_some());
        self.free.remove(free);
        // Out of the map before the addresses can belong to somebody else.
        self.map.clear(run.start, run.len());
        // SAFETY: the run is inside a free block, and nothing of ours in it is needed any more.
        #[expect(unsafe_code, reason = "the heap owns its regions")]
        let done = unsafe { self.source.unmap(run.start, run.len()) };
        if !done {
            self.restore(&run);
            self.free.insert(free);
            return 0;
        }
        self.forget(&run);
        if has_front {
            let front = run.start - HEADER - head;
            if front > 0 {
                block::set_header(free, header.with_size(front).with_in_use(false));
                block::set_tag(free, front);
                self.free.insert(free);
            }
            block::set_header(run.start, Header::new(0).with_prev_in_use(front == 0 && header.prev_in_use()));
        }
        if has_back && let Some(next) = self.map.get(run.end) {
            next.joined.store(0, Relaxed);
            next.untouched_from.fetch_max(next.start() + EDGES + MIN_BLOCK, Relaxed);
            let first = run.end + EDGES;
            let rest = tail - (first - HEADER);
            if rest > 0 {
                block::set_header(first, Header::new(rest).with_in_use(false));
                block::set_tag(first, rest);
                self.free.insert(first);
            } else {
                self.set_prev_in_use(first, true);
            }
        }
        run.len()
    }

    /// Puts the run's regions back into the page map: the system refused to take them.
    fn restore(&self, run: &Range<usize>) {
        for record in self.regions().filter(|record| run.contains(&record.start())) {
            // The leaves are there: nothing can fail.
            let _ = self.map.set(&self.source, record.start(), record.len(), record);
        }
    }

    /// Takes the run's regions off the heap's list.
    fn forget(&mut self, run: &Range<usize>) {
        let mut kept: Option<&'static RangeRecord> = None;
        let mut region = self.regions;
        self.regions = None;
        while let Some(record) = region {
            region = next_region(record);
            if run.contains(&record.start()) {
                self.figures.regions -= 1;
                self.figures.held -= record.len();
                self.forget_huge(record);
                self.records.put(record);
                continue;
            }
            record.next.store(0, Relaxed);
            match kept {
                Some(kept) => kept.next.store(pointer::expose(record), Relaxed),
                None => self.regions = Some(record),
            }
            kept = Some(record);
        }
    }

    /// The heap's regions, the newest first.
    pub(super) fn regions(&self) -> impl Iterator<Item = &'static RangeRecord> + use<S> {
        core::iter::successors(self.regions, |record| next_region(record))
    }
}

fn next_region(record: &RangeRecord) -> Option<&'static RangeRecord> {
    let address = record.next.load(Relaxed);
    // SAFETY: the link of a region's range's record is that of another range's record, or zero; records of ranges are never unmapped.
    #[expect(unsafe_code, reason = "records link each other by address")]
    unsafe {
        pointer::at::<RangeRecord>(address).as_ref()
    }
}
