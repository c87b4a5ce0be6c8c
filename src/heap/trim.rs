//! Trimming: memory of free blocks goes back to the operating system. Whole regions go with their addresses. Else the
//! whole pages inside a block go, and keep their addresses.

use super::block::{self, Block};
use super::heap::{Growth, Heap};
use crate::base::align;
use crate::base::config::{HEADER, REGION_GRANULE, UNIT};
use crate::sys::pages::{PageSource, Purges};
use core::sync::atomic::Ordering::Relaxed;

/// Where at least so many bytes of a free block go back, the kernel may put huge pages together at both ends: they are
/// little in comparison.
const PARTED: usize = 4 * REGION_GRANULE;

impl<S: PageSource + 'static> Heap<S> {
    /// Gives back all whole regions and all whole pages of free blocks, and returns about how many bytes that was.
    pub fn trim(&mut self) -> usize {
        self.trim_some(self.source.page_size(), usize::MAX)
    }

    /// Whether more freed bytes wait than the threshold allows. `elsewhere` is how many wait elsewhere.
    #[inline]
    pub fn is_over(&self, elsewhere: usize) -> bool {
        self.dirty.saturating_add(elsewhere) > self.trim_threshold
    }

    /// Trims a heap that `is_over` if that is due, and returns whether it was. Freed memory first waits for the decay
    /// time: a program mostly needs it again at once, and to touch pages anew costs more than to keep them. But no more
    /// waits than twice what is live, or `trim_most` if that is more. The trim skips free blocks of less than a unit:
    /// few calls give back most of the memory.
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

    /// Gives back whole regions, and whole pages of free blocks of at least `least` bytes, until that was about
    /// `bytes`. Returns how many bytes it was. Blocks that are purged already take no time again.
    pub fn trim_some(&mut self, least: usize, bytes: usize) -> usize {
        self.dirty = 0;
        self.over_since = 0;
        // The last region stays: the next allocation of an emptied heap should not need the system.
        // A small heap's owner keeps its addresses.
        let mut given = if self.growth == Growth::Large { self.release_some_regions(bytes, true) } else { 0 };
        let mut at = None;
        while given < bytes
            && let Some(block) = self.free.next_of_size(at, least)
        {
            given += self.purge(block);
            at = Some(block);
        }
        given
    }

    /// The next free block after `at` that starts at a unit and has whole units, at most `most` bytes.
    pub fn next_unit_hole(&self, mut at: Option<Block>, most: usize) -> Option<Block> {
        loop {
            let block = self.free.next_of_size(at, UNIT)?;
            let size = self.trusted(block).size();
            if size <= most && align::is(block.address(), UNIT) && align::is(size, UNIT) {
                return Some(block);
            }
            at = Some(block);
        }
    }

    /// Takes the first `bytes` of a free block.
    ///
    /// # Safety
    /// A free block of this heap with so many bytes is at `hole`.
    #[expect(unsafe_code, reason = "it writes headers where the caller says")]
    pub unsafe fn take_hole(&mut self, hole: usize, bytes: usize) {
        // SAFETY: the caller's promise.
        self.take(unsafe { Block::at(hole) }, bytes);
    }

    /// Does not count `bytes` that have just been freed as dirty, because they have no pages.
    pub fn forget_dirty(&mut self, bytes: usize) {
        self.dirty = self.dirty.saturating_sub(bytes);
    }

    /// Gives back all address space of free blocks, and returns how many bytes that was: for a caller that needs
    /// address space. It goes in whole regions, also in new ones made of parts of others, and the heap's last region
    /// goes too.
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
            // This comes first: a release takes the block itself out of the list, or makes it smaller.
            next = self.free.next_of_size(Some(block), smallest_region);
            if !keep_last {
                self.cut_around(block);
            }
            given += self.release_regions(block, keep_last);
        }
        given
    }

    /// Adds the whole pages between two addresses, in a block that metes itself uses, to `purges`.
    ///
    /// # Safety
    /// What stands between the addresses is not needed, and will not be until the purges are made.
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
        let address = free.address();
        let start = align::up(address + block::NODE, page);
        // The boundary tag is the last word.
        let end = align::down(address + header.size() - 2 * HEADER, page);
        // Nothing from `untouched_from` on was ever touched.
        let untouched_from = self
            .map
            .get(address)
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
        // SAFETY: the pages lie between the node and the tag of a free block, so they hold nothing of metes.
        #[expect(unsafe_code, reason = "the heap owns its free blocks")]
        let done = unsafe { self.source.purge(start, touched_end - start) };
        if !done {
            return 0;
        }
        self.forget_touched(&(start..touched_end), !owes);
        if let Some(region) =
            self.map.get(address).filter(|region| region.holds(end) && region.untouched_from.load(Relaxed) <= end)
        {
            region.untouched_from.store(start, Relaxed);
        }
        free.set_header(header.with_purged());
        touched_end - start
    }
}
