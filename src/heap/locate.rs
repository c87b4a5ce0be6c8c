//! Finding the block around an address by walking its segment from the start: for reports and validators, which may take
//! their time.

use super::block::{self, Block, Header};
use super::heap::Heap;
use crate::base::config::HEADER;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// What stands at an address in a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Location {
    /// In a block, or at its start.
    In {
        /// The block.
        block: Block,
        /// Its usable bytes.
        usable: usize,
        /// Whether it is handed out.
        in_use: bool,
    },
    /// The walk met a damaged header before it came there.
    Damaged {
        /// The block whose header it is.
        block: Block,
        /// The word in its place.
        raw: u64,
    },
    /// In no block of this heap.
    Outside,
}

/// The first block of a segment.
pub(super) fn first_block(segment_start: usize) -> Block {
    segment_start + 2 * HEADER
}

impl<S: PageSource + 'static> Heap<S> {
    /// What stands at `address`. Walks every block before it in its segment.
    pub fn locate(&self, address: usize) -> Location {
        let Some(region) = self.map.get(address).filter(|record| self.owns_region(record)) else {
            return Location::Outside;
        };
        let mut found = Location::Outside;
        self.walk(self.segment(region).start, |block, header| {
            let header = match header {
                Ok(header) => header,
                Err(raw) => {
                    found = Location::Damaged { block, raw };
                    return false;
                }
            };
            if address < block - HEADER + header.size() {
                found = Location::In { block, usable: block::usable(header.size()), in_use: header.in_use() };
                return false;
            }
            true
        });
        found
    }

    /// Calls `f` with each block in use, of every segment.
    pub fn for_each_in_use(&self, f: &mut dyn FnMut(Block)) {
        for region in self.regions().filter(|region| region.joined.load(Relaxed) == 0) {
            self.walk(self.segment(region).start, |block, header| {
                if header.is_ok_and(Header::in_use) {
                    f(block);
                }
                true
            });
        }
    }

    /// Whether `block` starts a segment.
    pub(super) fn is_first(&self, block: Block) -> bool {
        let region = self.map.get(block).filter(|record| self.owns_region(record));
        region.is_some_and(|region| first_block(self.segment(region).start) == block)
    }

    /// The block before `block` in its segment: address, usable bytes, and a word for its state.
    pub(super) fn block_before(&self, block: Block) -> Option<(Block, usize, &'static str)> {
        let region = self.map.get(block - 1).filter(|record| self.owns_region(record))?;
        let mut before = None;
        self.walk(self.segment(region).start, |at, header| {
            if at >= block {
                return false;
            }
            before = header
                .ok()
                .map(|h| (at, block::usable(h.size().max(HEADER)), if h.in_use() { "in use" } else { "free" }));
            before.is_some()
        });
        before.filter(|&(at, size, _)| at + size + HEADER == block)
    }

    /// Calls `f` for each block of a segment in address order until it says false; a fence ends the walk.
    pub(super) fn walk(&self, segment_start: usize, mut f: impl FnMut(Block, Result<Header, u64>) -> bool) {
        let mut block = first_block(segment_start);
        loop {
            let header = self.header(block);
            if header.is_ok_and(Header::is_fence) || !f(block, header) {
                return;
            }
            match header {
                Ok(header) => block = block::after(block, header.size()),
                Err(_) => return,
            }
        }
    }
}
