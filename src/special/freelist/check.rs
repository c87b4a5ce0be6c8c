//! A free list's validator: names the first invariant that does not hold. It follows no word that it has not checked,
//! and ends.
//!
//! - no operation is under way, and the control block is whole;
//! - the blocks make a row from the first to the fence, each header is right about the block before, tags are right, no two free blocks are neighbours;
//! - each free block is in the index, and nothing else is: links mutual, keys in order, summaries right, balanced;
//! - the figures are what the walk counts.

use super::call::Call;
use super::control::{
    BLOCKS_AT, Block, FREE_BLOCKS_AT, LIVE_AT, MAGIC, MAGIC_AT, MAP_AT, MIN_BINNED, PEAK_AT, READY, SHAPE_AT, STATE_AT,
};
use super::index::{Index, head_at};
use super::list::List;
use super::walk::{Broken, each};
use super::words::{Header, NEXT, PREVIOUS, Words};
use crate::base::align;
use crate::base::config::GRAIN;
use crate::base::tree::{NONE, Summary, expected};
use crate::heap::free_list::Fit;
use crate::special::quiet::Quiet;
use core::ffi::CStr;

fn ensure(holds: bool, what: &'static CStr, at: Block) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { what, at, before: None }) }
}

#[derive(Default)]
struct Count {
    live: usize,
    blocks: usize,
    free_blocks: usize,
}

impl List {
    /// What is wrong with the list, as a sentence, and at which offset; `None` if nothing is.
    pub fn check(self) -> Option<(&'static CStr, usize)> {
        let _quiet = Quiet::new();
        self.checked().err().map(|broken| (broken.what, broken.at))
    }

    fn checked(self) -> Result<(), Broken> {
        let words = Words::of(self.base);
        ensure(words.load(MAGIC_AT) == MAGIC, c"no free list is there", MAGIC_AT)?;
        ensure(words.shape().is_some(), c"the control block is damaged", SHAPE_AT)?;
        let state = words.load(STATE_AT);
        let broken = |what| Err(Broken { what, at: STATE_AT, before: None });
        match Call::of_state(state) {
            Some(Call::Free) => return broken(c"metes_freelist_free was not finished: the list has to be recovered"),
            Some(Call::Realloc) => {
                return broken(c"metes_freelist_realloc was not finished: the list has to be recovered");
            }
            Some(Call::Grow) => return broken(c"metes_freelist_grow was not finished: the list has to be recovered"),
            Some(Call::Recover) => {
                return broken(c"metes_freelist_recover was not finished: the list has to be recovered");
            }
            Some(_) => return broken(c"metes_freelist_malloc was not finished: the list has to be recovered"),
            None => ensure(state == READY, c"the control block's state is damaged", STATE_AT)?,
        }
        Index { words }.check()
    }
}

impl Index {
    fn check(self) -> Result<(), Broken> {
        let (mut count, mut result, mut prev_free) = (Count::default(), Ok(()), false);
        each(self, |block, header| {
            result = self.check_block(block, header, prev_free, &mut count);
            prev_free = !header.in_use();
            result.is_ok()
        })?;
        result?;
        let end = self.shape().end();
        let fence =
            self.words.header(end).map_err(|_| Broken { what: c"the fence is damaged", at: end, before: None })?;
        ensure(fence.in_use() && fence.size() == 0, c"the fence is damaged", end)?;
        ensure(fence.prev_in_use() != prev_free, c"the fence is wrong about the block before", end)?;
        let figure = |at| self.words.load(at);
        ensure(figure(LIVE_AT) == count.live as u64, c"the bytes in use are not those of the blocks", LIVE_AT)?;
        ensure(figure(PEAK_AT) >= figure(LIVE_AT), c"the peak is less than what is in use", PEAK_AT)?;
        ensure(figure(BLOCKS_AT) == count.blocks as u64, c"the count of blocks in use is wrong", BLOCKS_AT)?;
        ensure(
            figure(FREE_BLOCKS_AT) == count.free_blocks as u64,
            c"the count of free blocks is wrong",
            FREE_BLOCKS_AT,
        )?;
        let binned = self.check_bins(count.free_blocks)?;
        self.check_tree(count.free_blocks - binned)
    }

    fn check_block(self, block: Block, header: Header, prev_free: bool, count: &mut Count) -> Result<(), Broken> {
        ensure(header.prev_in_use() != prev_free, c"a header is wrong about the block before", block)?;
        if header.in_use() {
            count.live += header.size();
            count.blocks += 1;
            return Ok(());
        }
        count.free_blocks += 1;
        ensure(!prev_free, c"two free blocks are neighbours", block)?;
        let next = block + header.size();
        ensure(self.words.tag_before(next) == Ok(header.size()), c"a boundary tag is wrong", block)?;
        ensure(self.is_linked(block, header.size()), c"a free block is not in the index", block)
    }

    /// Whether the index leads to a block, from the place before it.
    fn is_linked(self, block: Block, size: usize) -> bool {
        let words = self.words;
        if let Some(bin) = self.bin(size) {
            return match words.link(block + PREVIOUS) {
                Some(NONE) => words.link(head_at(bin)) == Some(block),
                Some(previous) => self.is_free(previous) && words.link(previous + NEXT) == Some(block),
                None => false,
            };
        }
        match words.peek_links(block)[2] {
            Some(NONE) => words.link(super::control::ROOT_AT) == Some(block),
            Some(parent) => self.is_free(parent) && words.peek_links(parent)[..2].contains(&Some(block)),
            None => false,
        }
    }

    /// Whether a free block may be at an offset: a header says so.
    fn is_free(self, block: Block) -> bool {
        let is_place = block >= self.shape().first() && block < self.shape().end() && align::is(block, GRAIN);
        is_place
            && self.words.header(block).is_ok_and(|header| {
                !header.in_use() && header.size() >= self.shape().min() && header.size() <= self.shape().end() - block
            })
    }

    /// How many blocks the bins have.
    fn check_bins(self, free_blocks: usize) -> Result<usize, Broken> {
        let (words, mut seen) = (self.words, 0);
        for bin in 0..self.shape().bins() {
            let link = |at| words.link(at).ok_or(Broken { what: c"a bin's link is damaged", at, before: None });
            let (mut previous, mut block) = (NONE, link(head_at(bin))?);
            let marked = words.load(MAP_AT + 8 * (bin / 64)) >> (bin % 64) & 1 == 1;
            ensure(marked == (block != NONE), c"a bin's mark is wrong", head_at(bin))?;
            while block != NONE {
                seen += 1;
                ensure(seen <= free_blocks, c"the bins hold more than the free blocks", block)?;
                ensure(self.is_free(block), c"a bin's link leads to no free block", block)?;
                let size = words.header(block).map_or(0, Header::size);
                ensure(size == MIN_BINNED + bin * GRAIN, c"a block is in the wrong bin", block)?;
                ensure(link(block + PREVIOUS)? == previous, c"a bin's links are not mutual", block)?;
                (previous, block) = (block, link(block + NEXT)?);
            }
        }
        Ok(seen)
    }

    /// Walks the tree in order.
    fn check_tree(self, nodes: usize) -> Result<(), Broken> {
        let (mut seen, mut last) = (0, None);
        let root = self.words.link(super::control::ROOT_AT);
        let root =
            root.ok_or(Broken { what: c"the tree's root is damaged", at: super::control::ROOT_AT, before: None })?;
        let mut node = self.leftmost(root)?;
        while node != NONE {
            seen += 1;
            ensure(seen <= nodes, c"the tree holds more than the free blocks", node)?;
            let (size, right) = self.check_node(node)?;
            let key = (if self.shape().fit() == Fit::Best { size } else { 0 }, node);
            ensure(last.is_none_or(|last| last < key), c"the tree is out of order", node)?;
            last = Some(key);
            node = if right == NONE { self.up_from(node)? } else { self.leftmost(right)? };
        }
        ensure(seen == nodes, c"the tree misses a free block", 0)
    }

    /// A node's links are mutual, it is balanced, and its summary is right.
    fn check_node(self, node: Block) -> Result<(usize, Block), Broken> {
        let size = self.words.header(node).map_or(0, Header::size);
        ensure(self.bin(size).is_none(), c"a small block is in the tree", node)?;
        let (left, right) = (self.tree_link(node, 0)?, self.tree_link(node, 1)?);
        let mut summaries = [Summary { largest: 0, height: 0 }; 2];
        for (child, summary) in [left, right].into_iter().zip(&mut summaries) {
            if child != NONE {
                ensure(self.is_free(child), c"a link of the tree leads to no free block", node)?;
                ensure(self.tree_link(child, 2)? == node, c"a child in the tree has another parent", child)?;
                let found = self.words.peek_summary(child);
                *summary = found.ok_or(Broken { what: c"a summary is damaged", at: child, before: None })?;
            }
        }
        let [low, high] = summaries;
        ensure(low.height.abs_diff(high.height) <= 1, c"the tree is out of balance", node)?;
        let grains = u32::try_from(size / GRAIN).unwrap_or(0);
        ensure(self.words.peek_summary(node) == Some(expected(grains, low, high)), c"a summary is wrong", node)?;
        Ok((size, right))
    }

    fn tree_link(self, node: Block, which: usize) -> Result<Block, Broken> {
        self.words.peek_links(node)[which].ok_or(Broken {
            what: c"a link of the tree is damaged",
            at: node,
            before: None,
        })
    }

    fn leftmost(self, mut node: Block) -> Result<Block, Broken> {
        // A tree of any size that fits in memory is far less deep than this.
        for _ in 0..128 {
            if node == NONE {
                return Ok(NONE);
            }
            ensure(self.is_free(node), c"a link of the tree leads to no free block", node)?;
            match self.tree_link(node, 0)? {
                NONE => return Ok(node),
                left => node = left,
            }
        }
        Err(Broken { what: c"the tree runs in a circle", at: node, before: None })
    }

    fn up_from(self, mut node: Block) -> Result<Block, Broken> {
        for _ in 0..128 {
            let parent = self.tree_link(node, 2)?;
            if parent == NONE {
                return Ok(parent);
            }
            ensure(self.is_free(parent), c"a link of the tree leads to no free block", node)?;
            if self.tree_link(parent, 0)? == node {
                return Ok(parent);
            }
            node = parent;
        }
        Err(Broken { what: c"the tree runs in a circle", at: node, before: None })
    }
}
