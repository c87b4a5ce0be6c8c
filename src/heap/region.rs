//! Regions: how a heap gets address space, joins neighbouring regions, and gives them back.
//!
//! ```text
//!     region     | pad 8 | header, payload ...                          | fence 8 |
//!     joined     | pad 8 | header, payload ... ====== fence+pad = 16 ====== ... payload | fence 8 |
//! ```
//!
//! A fence is a header in use of no size. Where one region of a heap ends and the next begins, fence and pad together
//! are 16 bytes, a grain. Joining turns them into the inside of a free block. Parting makes them again.

use super::block::{Block, Header};
use super::heap::{Growth, Heap};
use super::range_record::{Kind, RangeRecord};
use crate::base::config::{
    BLOCK_MAX, DENSE_DIVISOR, GROWTH_DIVISOR, HEADER, MIN_BLOCK, REGION_GRANULE, REGION_STEP_MAX, UNIT,
};
use crate::base::{align, pointer};
use crate::sys::pages::{self, PageSource};
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// The bytes of pad and fence.
pub(super) const EDGES: usize = 2 * HEADER;

impl<S: PageSource + 'static> Heap<S> {
    /// The granule of a region, in bytes.
    fn granule(&self) -> usize {
        if self.growth == Growth::Large { REGION_GRANULE } else { UNIT }
    }

    /// A new region has at least so many bytes.
    fn step(&self) -> usize {
        match (self.growth, self.figures.held) {
            (Growth::Small(first), 0) => first,
            // Few regions: each is a system call when it comes and one when it goes.
            (Growth::Small(_), held) => (2 * held).min(REGION_GRANULE).max(held / 2),
            (_, held) => held / GROWTH_DIVISOR,
        }
    }

    /// Gets a region with room for a block of `need` bytes, next to the others if possible, and returns the free block
    /// with that room. If the system gives no region of the usual size, this asks for smaller ones, down to what the
    /// block needs. `None` if it gives none.
    pub(super) fn grow(&mut self, need: usize) -> Option<Block> {
        let step = self.step();
        // The regions are not joined if together they are too large for one block.
        if need > step
            && self.grow_downwards(need).is_some()
            && let Some(found) = self.free.find(need)
        {
            return Some(found);
        }
        self.grow_by(need, step, false)?;
        self.free.find(need)
    }

    /// Gets a region right before the newest one, if that starts with a large free block, and asks only for what that
    /// block lacks. Else a program that asks for more each time would hold twice as much as it needs.
    fn grow_downwards(&mut self, need: usize) -> Option<()> {
        let newest = self
            .regions
            .filter(|newest| newest.joined.load(Relaxed) == 0)
            .filter(|_| self.growth == Growth::Large && !self.source.maps_from_tool())?;
        let first = self.trusted(first_block(newest));
        let free = if first.in_use() { 0 } else { first.size() };
        let len = align::up(need.checked_sub(free)?, self.granule());
        if free < self.granule() || need > BLOCK_MAX {
            return None;
        }
        let start = newest.start().checked_sub(len)?;
        if !self.map_at(start, len)? {
            return None;
        }
        self.add_region_at(start, len, need, false).map(|_| ())
    }

    /// The same as `grow`, for units that slabs of small objects will fill. The region asks for huge pages at once, so
    /// it has no more than will be filled soon.
    pub(super) fn grow_for_slabs(&mut self, need: usize) -> Option<(Block, &'static RangeRecord)> {
        self.grow_by(need, self.figures.held / DENSE_DIVISOR, true)
    }

    fn grow_by(&mut self, need: usize, step: usize, for_slabs: bool) -> Option<(Block, &'static RangeRecord)> {
        let least = align::up_checked(need.checked_add(EDGES + MIN_BLOCK)?, UNIT)?;
        if least > BLOCK_MAX {
            return None;
        }
        let mut len = align::up_checked(least.max(step.min(REGION_STEP_MAX)), self.granule())?;
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

    fn add_region(&mut self, len: usize, need: usize, for_slabs: bool) -> Option<(Block, &'static RangeRecord)> {
        let start = self.place_region(len)?;
        self.add_region_at(start, len, need, for_slabs)
    }

    fn add_region_at(
        &mut self,
        start: usize,
        len: usize,
        need: usize,
        for_slabs: bool,
    ) -> Option<(Block, &'static RangeRecord)> {
        let Some(record) = self.register(start, len) else {
            // SAFETY: the caller mapped it, and no other thread has seen it.
            #[expect(unsafe_code, reason = "undoing the caller's map call")]
            unsafe {
                self.source.unmap(start, len)
            };
            return None;
        };
        self.begin_huge(record, need, for_slabs);
        Some((self.join(record), record))
    }

    /// Gives a heap whose growth is `Given` its memory, whole units that no heap has. `clean` says that all of it is
    /// zero. Returns false, and has done nothing, if there is no memory for the record.
    pub fn adopt(&mut self, start: usize, len: usize, clean: bool) -> bool {
        let Some(record) = self.register(start, len) else { return false };
        self.begin_huge(record, 0, false);
        self.join(record);
        if !clean {
            record.untouched_from.store(record.end(), Relaxed);
        }
        true
    }

    /// Makes the page map and the heap know a new region. `None`, and nothing is changed, if there is no memory for
    /// that.
    fn register(&mut self, start: usize, len: usize) -> Option<&'static RangeRecord> {
        let record = self.records.take(&self.source)?;
        record.start.store(start, Relaxed);
        record.len.store(len, Relaxed);
        record.arena.store(self.arena, Relaxed);
        record.joined.store(0, Relaxed);
        record.set_kind(Kind::Region);
        if !self.map.set(&self.source, start, len, record) {
            self.records.put(record);
            return None;
        }
        record.next.store(self.regions.map_or(0, |next| pointer::expose(next)), Relaxed);
        self.regions = Some(record);
        self.figures.regions += 1;
        self.figures.held += len;
        self.figures.peak_held = self.figures.peak_held.max(self.figures.held);
        Some(record)
    }

    /// Address space for a region: before the newest one, where Linux has most room, else after it, else anywhere.
    fn place_region(&self, len: usize) -> Option<usize> {
        match self.growth {
            Growth::Large => {}
            Growth::Small(_) => return self.source.map_small(len, self.arena),
            Growth::Given => return None,
        }
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
        pages::map_aligned(&self.source, 0, len, if len < REGION_GRANULE { UNIT } else { self.granule() })
    }

    /// Maps address space at `place`, and returns whether that was free. `None` if the system gives none anywhere.
    fn map_at(&self, place: usize, len: usize) -> Option<bool> {
        let start = self.source.map(place, len)?;
        if start != place {
            // SAFETY: mapped just now, and no other thread has seen it.
            #[expect(unsafe_code, reason = "undoing the map call above")]
            unsafe {
                self.source.unmap(start, len)
            };
        }
        Some(start == place)
    }

    /// Makes the memory of a new region a free block, merges it with what is free on both sides, and returns the
    /// result.
    fn join(&mut self, record: &'static RangeRecord) -> Block {
        let (start, end) = (record.start(), record.end());
        // A segment is no longer than a block may be, as one free block may fill it.
        let room = BLOCK_MAX.saturating_sub(record.len());
        let below = self.map.get(start - 1).filter(|s| self.owns_region(s) && self.segment(s).len() <= room);
        let room = room.saturating_sub(below.map_or(0, |s| self.segment(s).len()));
        let above = self.map.get(end).filter(|s| self.owns_region(s) && self.segment(s).len() <= room);

        let mut prev_in_use = true;
        let mut block = first_block(record);
        if below.is_some() {
            // The header of the block is where the fence of the region below stands.
            block = block.before(EDGES);
            prev_in_use = self.trusted(block).prev_in_use();
            record.joined.store(1, Relaxed);
        }
        let size = end - block.address();
        let size = match above {
            Some(above) => {
                above.joined.store(1, Relaxed);
                size + EDGES
            }
            None => {
                block.after(size).set_header(Header::new(0));
                size
            }
        };
        record.untouched_from.store(start + EDGES + MIN_BLOCK, Relaxed);
        let header = Header::new(size).with_prev_in_use(prev_in_use);
        block.set_header(header);
        let free = self.give(block, header);
        if !prev_in_use {
            // It was merged into the free block before. The tag of that and the fence are inside now, where all must be
            // zero.
            block.clear_tag_before();
            block.clear_header();
        }
        free
    }

    /// The first of the joined regions around `record`.
    pub(super) fn first_of_segment(&self, record: &'static RangeRecord) -> &'static RangeRecord {
        let mut first = record;
        while first.joined.load(Relaxed) != 0
            && let Some(before) = self.map.get(first.start() - 1)
        {
            first = before;
        }
        first
    }

    /// The addresses of the joined regions around `record`.
    pub(super) fn segment(&self, record: &'static RangeRecord) -> Range<usize> {
        let mut end = record.end();
        while let Some(next) = self.joined_at(end) {
            end = next.end();
        }
        self.first_of_segment(record).start()..end
    }

    /// The region that starts at `address` and is joined to the one before it.
    fn joined_at(&self, address: usize) -> Option<&'static RangeRecord> {
        self.map.get(address).filter(|next| self.owns_region(next) && next.joined.load(Relaxed) != 0)
    }

    /// Cuts the regions at both ends of a free block where a region of the usual kind may start, so that whole regions
    /// lie between. Else a block that stays would keep the address space of its whole region. If there is no record for
    /// another region, this does not cut.
    pub(super) fn cut_around(&mut self, free: Block) {
        let Range { start: head, end: tail } = free.extent(self.trusted(free).size());
        // A block stays on each side, with the edges.
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
        // The leaves are there, so this cannot fail.
        let _ = self.map.set(&self.source, at, end - at, upper);
        lower.len.store(at - lower.start(), Relaxed);
        lower.untouched_from.store(untouched_from.min(at), Relaxed);
        lower.next.store(pointer::expose(upper), Relaxed);
        self.figures.regions += 1;
    }

    /// The whole regions inside a free block, as a range of addresses that can be given back. It is empty if there are
    /// none.
    fn whole_regions(&self, free: Block, size: usize) -> Range<usize> {
        let Range { start: head, end: tail } = free.extent(size);
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
        // A header at the very end of a region is the fence, or that of a block in the region joined to it.
        if tail != end - HEADER || self.joined_at(end).is_some() {
            end = last.start();
            while end > start && !fits(tail.saturating_sub(end + HEADER)) {
                end = self.map.get(end - 1).map_or(0, RangeRecord::start);
            }
        }
        if start < end { start..end } else { 0..0 }
    }

    /// Gives the whole regions inside a free block back to the system, and returns how many bytes that was. With
    /// `keep_last` the heap's last region stays.
    pub(super) fn release_regions(&mut self, free: Block, keep_last: bool) -> usize {
        let header = self.trusted(free);
        let mut run = self.whole_regions(free, header.size());
        if keep_last && run.len() == self.figures.held {
            run.start = self.map.get(run.start).map_or(run.end, RangeRecord::end);
        }
        if run.is_empty() {
            return 0;
        }
        let Range { start: head, end: tail } = free.extent(header.size());
        let (has_front, has_back) = (head < run.start, self.joined_at(run.end).is_some());
        self.free.remove(free);
        // They leave the map first, because their addresses may belong to another thread as soon as they are unmapped.
        self.map.clear(run.start, run.len());
        // SAFETY: the run is inside a free block, and nothing in it is needed any more.
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
                free.set_header(header.with_size(front).with_in_use(false));
                free.set_tag(front);
                self.free.insert(free);
            }
            let fence = free.after(front);
            fence.set_header(Header::new(0).with_prev_in_use(front == 0 && header.prev_in_use()));
        }
        if has_back && let Some(next) = self.map.get(run.end) {
            next.joined.store(0, Relaxed);
            next.untouched_from.fetch_max(next.start() + EDGES + MIN_BLOCK, Relaxed);
            let first = first_block(next);
            let rest = tail - (first.address() - HEADER);
            if rest > 0 {
                first.set_header(Header::new(rest).with_in_use(false));
                first.set_tag(rest);
                self.free.insert(first);
            } else {
                self.set_prev_in_use(first, true);
            }
        }
        run.len()
    }

    /// Puts the regions of a run back into the page map, as the system refused to unmap them.
    fn restore(&self, run: &Range<usize>) {
        for record in self.regions().filter(|record| run.contains(&record.start())) {
            // The leaves are there, so this cannot fail.
            let _ = self.map.set(&self.source, record.start(), record.len(), record);
        }
    }

    /// Takes the regions of a run off the heap's list.
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

/// The first block of a region that is not joined to the one before it.
pub(super) fn first_block(region: &RangeRecord) -> Block {
    // SAFETY: a region has room for its edges and for more than one block.
    #[expect(unsafe_code, reason = "the region's record says where it is")]
    unsafe {
        Block::at(region.start() + EDGES)
    }
}

pub(super) fn next_region(record: &RangeRecord) -> Option<&'static RangeRecord> {
    let address = record.next.load(Relaxed);
    // SAFETY: the link in a region's record is the address of another range record, or zero. Range records are never
    // unmapped.
    #[expect(unsafe_code, reason = "records link each other by address")]
    unsafe {
        pointer::at::<RangeRecord>(address).as_ref()
    }
}
