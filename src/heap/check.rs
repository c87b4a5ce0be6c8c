//! The validator of the heap. It walks over everything and names the first invariant that does not hold.
//!
//! - every block of every segment has a header with a right checksum, and the last one ends at the segment's fence;
//! - a header's `PREV_IN_USE` is true of the block before it, a free block's tag says its size, and no two free blocks
//!   are neighbours;
//! - the free list holds exactly the free blocks: links are checksummed and mutual, keys in order, balanced, summaries
//!   right;
//! - the page map says of every unit of every region that it is that region's;
//! - the figures are what the walk counts.

use super::block::{Block, Header, Link};
use super::free_list::Fit;
use super::heap::Heap;
use super::range_record::RangeRecord;
use super::region::first_block;
use crate::base::config::{MIN_BLOCK, UNIT};
use crate::base::tree::{Summary, expected};
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// A broken invariant and where it was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The invariant, as a sentence about what is wrong.
    pub what: &'static str,
    /// The block, unit or range record where it was found.
    pub address: usize,
}

fn ensure(holds: bool, what: &'static str, address: usize) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { what, address }) }
}

#[derive(Default)]
struct Count {
    live: usize,
    live_blocks: usize,
    free_blocks: usize,
    free: usize,
}

impl<S: PageSource + 'static> Heap<S> {
    /// Runs every validator of the heap.
    pub fn check(&self) -> Result<(), Broken> {
        let mut count = Count::default();
        let (mut held, mut regions) = (0, 0);
        for region in self.regions() {
            self.check_region(region)?;
            held += region.len();
            regions += 1;
            if region.joined.load(Relaxed) == 0 {
                self.check_segment(region, &mut count)?;
            }
        }
        ensure(held == self.figures.held, "the bytes held are not the sum of the regions", 0)?;
        ensure(regions == self.figures.regions, "the number of regions is not that of the list", 0)?;
        ensure(count.live == self.figures.live, "the live bytes are not the sum of the blocks in use", 0)?;
        ensure(count.live_blocks == self.figures.live_blocks, "the live blocks are not those in use", 0)?;
        ensure(count.free_blocks == self.free.count(), "the free list does not count the free blocks", 0)?;
        ensure(count.free == self.figures().free, "the free bytes are not the sum of the free blocks", 0)?;
        self.check_tree(count.free_blocks)
    }

    /// Calls `f` with the address of every unit of every region.
    pub fn for_each_unit(&self, f: impl FnMut(usize)) {
        self.regions().flat_map(|region| (region.start()..region.end()).step_by(UNIT)).for_each(f);
    }

    /// Whether a block in use of `size` bytes is at `address`. It may have some bytes more, too few to be cut off.
    pub fn is_block(&self, address: usize, size: usize) -> bool {
        self.map.get(address).is_some_and(|record| self.owns_region(record))
            && self.of_program(address).is_ok_and(|(_, header)| (size..size + MIN_BLOCK).contains(&header.size()))
    }

    fn check_region(&self, region: &'static RangeRecord) -> Result<(), Broken> {
        let (start, end) = (region.start(), region.end());
        ensure(self.owns_region(region), "a region's record belongs to somebody else", start)?;
        for unit in (start..end).step_by(UNIT) {
            let same = self.map.get(unit).is_some_and(|record| core::ptr::eq(record, region));
            ensure(same, "the page map does not know a unit of a region", unit)?;
        }
        let untouched_from = region.untouched_from.load(Relaxed);
        ensure(untouched_from > start && untouched_from <= end, "a region's untouched_from lies outside it", start)
    }

    fn check_segment(&self, first: &'static RangeRecord, count: &mut Count) -> Result<(), Broken> {
        let end = self.segment(first).end;
        let (mut prev_free, mut next, mut result) = (false, first_block(first), Ok(()));
        self.walk(first, |block, header| {
            result = self.check_block(block, header, prev_free, end, count);
            if let Ok(header) = header {
                prev_free = !header.in_use();
                next = block.after(header.size());
            }
            result.is_ok()
        });
        result?;
        let at = next.address();
        ensure(at == end, "the last block does not end at the fence", at)?;
        let fence = next.header().map_err(|_| Broken { what: "a fence is damaged", address: at })?;
        ensure(fence.prev_in_use() != prev_free, "a fence is wrong about the block before", at)
    }

    fn check_block(
        &self,
        block: Block,
        header: Result<Header, u64>,
        prev_free: bool,
        end: usize,
        count: &mut Count,
    ) -> Result<(), Broken> {
        let at = block.address();
        let header = header.map_err(|_| Broken { what: "a header is damaged", address: at })?;
        let size = header.size();
        ensure(size >= MIN_BLOCK && at + size <= end, "a block's size leaves its segment", at)?;
        ensure(header.prev_in_use() != prev_free, "a header is wrong about the block before", at)?;
        if header.in_use() {
            count.live += size;
            count.live_blocks += 1;
            return Ok(());
        }
        ensure(!prev_free, "two free blocks are neighbours", at)?;
        ensure(block.after(size).tag_before() == Ok(size), "a boundary tag is wrong", at)?;
        ensure(self.is_linked(block), "a free block is not in the free list", at)?;
        count.free_blocks += 1;
        count.free += size;
        Ok(())
    }

    /// Whether the tree's links lead to `block` from above.
    fn is_linked(&self, block: Block) -> bool {
        match block.link(Link::Parent) {
            Ok(None) => self.free.root() == Some(block),
            Ok(Some(parent)) if self.is_free(parent) => {
                [Link::Left, Link::Right].into_iter().any(|side| parent.link(side).is_ok_and(|to| to == Some(block)))
            }
            _ => false,
        }
    }

    fn is_free(&self, block: Block) -> bool {
        self.map.get(block.address()).is_some_and(|record| self.owns_region(record))
            && block.header().is_ok_and(|header| !header.in_use())
    }

    /// Walks over the tree in order, with no trust in any link.
    fn check_tree(&self, free_blocks: usize) -> Result<(), Broken> {
        let mut seen = 0;
        let mut last: Option<(u32, Block)> = None;
        let mut next = self.leftmost(self.free.root())?;
        while let Some(node) = next {
            seen += 1;
            ensure(seen <= free_blocks, "the free list holds more than the free blocks", node.address())?;
            let (header, right) = self.check_node(node)?;
            let key = (if self.free.fit() == Fit::Best { header.grains() } else { 0 }, node);
            ensure(last.is_none_or(|last| last < key), "the free list is out of order", node.address())?;
            last = Some(key);
            next = if right.is_none() { self.up_from(node)? } else { self.leftmost(right)? };
        }
        ensure(seen == free_blocks, "the free list misses a free block", 0)
    }

    /// Checks that the links of a node are mutual, that it is balanced, and that its summary is right.
    fn check_node(&self, node: Block) -> Result<(Header, Option<Block>), Broken> {
        let at = node.address();
        ensure(self.is_free(node), "a link of the free list leads to no free block", at)?;
        let header = node.header().map_err(|_| Broken { what: "a header is damaged", address: at })?;
        let (left, right) = (link(node, Link::Left)?, link(node, Link::Right)?);
        let mut summaries = [Summary { largest: 0, height: 0 }; 2];
        for (child, summary) in [left, right].into_iter().zip(&mut summaries) {
            if let Some(child) = child {
                ensure(self.is_free(child), "a link of the free list leads to no free block", at)?;
                let is_mutual = link(child, Link::Parent)? == Some(node);
                ensure(is_mutual, "a child in the free list has another parent", child.address())?;
                *summary =
                    child.summary().map_err(|_| Broken { what: "a summary is damaged", address: child.address() })?;
            }
        }
        let [low, high] = summaries;
        ensure(low.height.abs_diff(high.height) <= 1, "the free list is out of balance", at)?;
        let right_sum = node.summary().is_ok_and(|summary| summary == expected(header.grains(), low, high));
        ensure(right_sum, "a summary in the free list is wrong", at)?;
        Ok((header, right))
    }

    fn leftmost(&self, node: Option<Block>) -> Result<Option<Block>, Broken> {
        let Some(mut node) = node else { return Ok(None) };
        // No tree that fits into memory is nearly as deep as this.
        for _ in 0..128 {
            ensure(self.is_free(node), "a link of the free list leads to no free block", node.address())?;
            match link(node, Link::Left)? {
                None => return Ok(Some(node)),
                Some(left) => node = left,
            }
        }
        Err(Broken { what: "the free list runs in a circle", address: node.address() })
    }

    fn up_from(&self, mut node: Block) -> Result<Option<Block>, Broken> {
        for _ in 0..128 {
            match link(node, Link::Parent)? {
                Some(parent) if link(parent, Link::Left)? != Some(node) => node = parent,
                next => return Ok(next),
            }
        }
        Err(Broken { what: "the free list runs in a circle", address: node.address() })
    }
}

fn link(node: Block, which: Link) -> Result<Option<Block>, Broken> {
    node.link(which).map_err(|_| Broken { what: "a link in a free block is damaged", address: node.address() })
}
