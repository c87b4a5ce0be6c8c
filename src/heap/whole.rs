//! All blocks of a heap at once: the heap is emptied, or its regions are taken away.

use super::block::Header;
use super::free_list::FreeList;
use super::heap::{Figures, Heap};
use super::range_record::RangeRecord;
use super::region::{EDGES, first_block, next_region};
use crate::base::config::MIN_BLOCK;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

impl<S: PageSource + 'static> Heap<S> {
    /// Takes all regions from the heap, which is empty then. The page map still leads to them. A caller may give each
    /// record away as it comes.
    pub fn take_regions(&mut self) -> impl Iterator<Item = &'static RangeRecord> + use<S> {
        let mut next = self.regions.take();
        self.free = FreeList::new(self.free.fit());
        self.figures = Figures::default();
        self.dirty = 0;
        self.over_since = 0;
        core::iter::from_fn(move || {
            let record = next?;
            next = next_region(record);
            Some(record)
        })
    }

    /// Frees all blocks: each region becomes one free block. What was a block's header is none any more, so a late
    /// free is noticed.
    pub fn free_all(&mut self) {
        for region in self.regions().filter(|region| region.joined.load(Relaxed) == 0) {
            self.walk(region, |block, header| {
                if header.is_ok() {
                    block.clear_header();
                }
                header.is_ok()
            });
        }
        self.free = FreeList::new(self.free.fit());
        self.figures = Figures { live: 0, live_blocks: 0, ..self.figures };
        for region in self.regions() {
            region.joined.store(0, Relaxed);
            let block = first_block(region);
            let header = Header::new(region.end() - block.address());
            block.after(header.size()).set_header(Header::new(0));
            block.set_header(header);
            self.give(block, header);
            region.untouched_from.fetch_max(region.start() + EDGES + MIN_BLOCK, Relaxed);
        }
    }
}
