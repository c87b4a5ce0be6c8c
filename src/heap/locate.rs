//! Finds the block around an address by a walk from the start of its segment: for reports and validators, which may
//! take their time.

use super::block::{self, Block, Header};
use super::heap::Heap;
use super::range_record::RangeRecord;
use super::region::first_block;
use crate::base::config::HEADER;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// What stands at an address in a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Location {
    /// In a block, or in its header.
    In {
        /// The address of the block.
        block: usize,
        /// The usable bytes of the block.
        usable: usize,
        /// Whether the block is in use.
        in_use: bool,
    },
    /// The walk met a damaged header before the address.
    Damaged {
        /// The address of the block with that header.
        block: usize,
        /// The word in place of the header.
        raw: u64,
    },
    /// In no block of this heap.
    Outside,
}

impl<S: PageSource + 'static> Heap<S> {
    /// What stands at `address`. This walks over every block before it in its segment.
    pub fn locate(&self, address: usize) -> Location {
        let Some(region) = self.map.get(address).filter(|record| self.owns_region(record)) else {
            return Location::Outside;
        };
        let mut found = Location::Outside;
        self.walk(region, |block, header| {
            let header = match header {
                Ok(header) => header,
                Err(raw) => {
                    found = Location::Damaged { block: block.address(), raw };
                    return false;
                }
            };
            if address < block.extent(header.size()).end {
                let usable = block::usable(header.size());
                found = Location::In { block: block.address(), usable, in_use: header.in_use() };
                return false;
            }
            true
        });
        found
    }

    /// Calls `f` with the address of each block in use.
    pub fn for_each_in_use(&self, f: &mut dyn FnMut(usize)) {
        for region in self.regions().filter(|region| region.joined.load(Relaxed) == 0) {
            self.walk(region, |block, header| {
                if header.is_ok_and(Header::in_use) {
                    f(block.address());
                }
                true
            });
        }
    }

    /// Whether the block at `address` is the first of its segment.
    pub(super) fn is_first(&self, address: usize) -> bool {
        let region = self.map.get(address).filter(|record| self.owns_region(record));
        region.is_some_and(|region| first_block(self.first_of_segment(region)).address() == address)
    }

    /// The block that ends where the block at `address` starts: its address, its usable bytes, and a word for its
    /// state.
    pub(super) fn block_before(&self, address: usize) -> Option<(usize, usize, &'static str)> {
        let region = self.map.get(address - 1).filter(|record| self.owns_region(record))?;
        let mut before = None;
        self.walk(region, |block, header| {
            let at = block.address();
            if at >= address {
                return false;
            }
            before = header
                .ok()
                .map(|h| (at, block::usable(h.size().max(HEADER)), if h.in_use() { "in use" } else { "free" }));
            before.is_some()
        });
        before.filter(|&(at, size, _)| at + size + HEADER == address)
    }

    /// Calls `f` with each block of the segment around `region` in address order, until `f` returns false. A fence or a
    /// damaged header ends the walk.
    pub(super) fn walk(&self, region: &'static RangeRecord, mut f: impl FnMut(Block, Result<Header, u64>) -> bool) {
        let mut block = first_block(self.first_of_segment(region));
        loop {
            let header = self.header(block);
            if header.is_ok_and(Header::is_fence) || !f(block, header) {
                return;
            }
            match header {
                Ok(header) => block = block.after(header.size()),
                Err(_) => return,
            }
        }
    }
}
