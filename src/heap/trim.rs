//! Trimming: memory of free blocks goes back to the operating system, whole regions with their addresses, else
//! whole pages inside a block, which keep theirs.

use super::block::{self, Block};
use super::heap::Heap;
use crate::base::align;
use crate::base::config::{HEADER, REGION_GRANULE, UNIT};
use crate::sys::pages::{PageSource, Purges};
use core::sync::atomic::Ordering::Relaxed;

/// In a free block as large as this the kernel may put huge pages together at both ends: it is little of what went back.
const PARTED: usize = 4 * REGION_GRANULE;

impl<S: PageSource + 'static> Heap<S> {
    /// Gives back all whole regions and all whole pages of free blocks; about how many bytes that were.
    pub fn trim(&mut self) -> usize {
        self.trim_some(self.source.page_size(), usize::MAX)
    }

    /// Whether more freed bytes wait than the threshold says, with so many that wait elsewhere.
    #[inline]
    pub fn is_over(&self, elsewhere: usize) -> bool {
        self.dirty.saturating_add(elsewhere) > self.trim_threshold
    }

    /// For a heap that `is_over`: gives back free blocks of at least a unit, few calls for most of the memory, when they have waited
    /// for the decay time, as what a program frees it mostly needs again at once, and pages cost more to touch anew than to keep;
    /// but not more than twice what is live, or the most that may wait. Whether it was due.
    #[cold]
    pub fn trim_if_due(&mut self, elsewhere: usize) -> bool {
        let now = self.source.now().max(1);
        if self.over_since == 0 {
            self.over_since = now;
        }
        let most = self.figures.live.saturating_mul(2).max(self.trim_most);
        let waiting = self.dirty.min(self.figures.held - self.figures.live).saturating_add(elsewhere);
        let due = waiting > most || now - self.over_since >= self.decay;
        if due {
            self.trim_some(UNIT, usize::MAX);
        }
        due
    }

    /// Gives back whole regions, and whole pages of free blocks of at least `least` bytes, until these were about so many bytes; how
    /// many they were. What is done already takes no time again.
    pub fn trim_some(&mut self, least: usize, bytes: usize) -> usize {
        self.dirty = 0;
        self.over_since = 0;
        // An emptied heap's next allocation should not need the system again.
        let mut given = self.release_some_regions(bytes, true);
        let mut at = None;
        while given < bytes
            && let Some(block) = self.free.next_of_size(at, least)
        {
            given += self.purge(block);
            at = Some(block);
        }
        given
    }

    /// The next free block that starts at a unit and has whole units, no more than `most` bytes.
    pub fn next_unit_hole(&self, mut at: Option<Block>, most: usize) -> Option<Block> {
        loop {
            let block = self.free.next_of_size(at, UNIT)?;
            let size = self.trusted(block).size();
            if size <= most && align::is(block, UNIT) && align::is(size, UNIT) {
                return Some(block);
            }
            at = Some(block);
        }
    }

    /// Takes the first `bytes` of a free block.
    ///
    /// # Safety
    /// `hole` is in this heap's free list, and has so many bytes.
    #[expect(unsafe_code, reason = "it writes headers where the caller says")]
    pub unsafe fn take_hole(&mut self, hole: Block, bytes: usize) {
        self.take(hole, bytes);
    }

    /// So many bytes that have just come back are no pages.
    pub fn forget_dirty(&mut self, bytes: usize) {
        self.dirty = self.dirty.saturating_sub(bytes);
    }

    /// For whoever needs address space: gives back all that free blocks have of it, in whole regions, which are made of parts of others
    /// too, the last one too; how many bytes that were.
    pub fn release_whole_regions(&mut self) -> usize {
        self.release_some_regions(usize::MAX, false)
    }

    fn release_some_regions(&mut self, bytes: usize, keep_last: bool) -> usize {
        let mut given = 0;
        let smallest_region = UNIT - 2 * HEADER;
        let mut next = self.free.next_of_size(None, smallest_region);
        while given < bytes
            && let Some(block) = next
        {
            // Asked for first: releasing takes the block itself out of the list, or makes it smaller.
            next = self.free.next_of_size(Some(block), smallest_region);
            if !keep_last {
                self.cut_around(block);
            }
            given += self.release_regions(block, keep_last);
        }
        given
    }

    /// Adds the whole pages between two addresses in a block that metes itself has to those that are to be given back.
    ///
    /// # Safety
    /// Nobody needs what stands between them, nor does until the purges are made.
    #[expect(unsafe_code, reason = "the heap owns its blocks")]
    pub unsafe fn purge_inside(&self, purges: &mut Purges<'_, S>, start: usize, end: usize) {
        let page = self.source.page_size();
        let (start, end) = (align::up(start, page), align::down(end, page));
        if start >= end {
            return;
        }
        self.part(start..end, true);
        // SAFETY: the caller's promise.
        unsafe { purges.add(start, end - start) };
    }

    /// Gives back the whole pages inside a free block that may have been touched.
    fn purge(&mut self, free: Block) -> usize {
        let header = self.trusted(free);
        if header.purged() {
            return 0;
        }
        let page = self.source.page_size();
        let start = align::up(free + block::NODE, page);
        // The boundary tag is the last word.
        let end = align::down(free + header.size() - 2 * HEADER, page);
        // Past the untouched_from nothing was ever touched.
        let untouched_from = self
            .map
            .get(free)
            .filter(|region| region.holds(end))
            .map_or(end, |region| region.untouched_from.load(Relaxed));
        let touched_end = end.min(align::up(untouched_from, page));
        if start >= touched_end {
            return 0;
        }
        let small = touched_end - start < PARTED;
        let owes = !small && self.owe(start..touched_end);
        if !owes {
            self.part(start..touched_end, small);
        }
        // SAFETY: the pages hold nothing of ours: they lie between the node and the tag of a free block.
        #[expect(unsafe_code, reason = "the heap owns its free blocks")]
        let done = unsafe { self.source.purge(start, touched_end - start) };
        if !done {
            return 0;
        }
        self.forget_touched(&(start..touched_end), !owes);
        if let Some(region) =
            self.map.get(free).filter(|region| region.holds(end) && region.untouched_from.load(Relaxed) <= end)
        {
            region.untouched_from.store(start, Relaxed);
        }
        block::set_header(free, header.with_purged());
        touched_end - start
    }
}
