//! The index of a list's free blocks: bins of one size each, and the tree of `base::tree`.
//!
//! First and worst fit have a tree by address alone. Best fit has its small blocks in bins, each a list of blocks of
//! one size, the block freed last in front, and the larger ones in a tree by size, then address. So the smallest
//! block that fits is the first of the first bin that has any, which a bit for each bin tells.

use super::control::{Block, HEADS_AT, MAP_AT, MIN_BINNED, ROOT_AT, Shape};
use super::words::{NEXT, PREVIOUS, Words};
use crate::base::config::GRAIN;
use crate::base::tree::{NONE, Nodes, Tree};
use crate::heap::free_list::Fit;

/// The index. What is in it lies in the buffer.
#[derive(Clone, Copy)]
pub(super) struct Index {
    pub words: Words,
}

#[expect(clippy::cast_possible_truncation, reason = "no block is larger than what 32 bits of grains count")]
fn grains(size: usize) -> u32 {
    (size / GRAIN) as u32
}

/// Where a bin's first block is told.
pub(super) fn head_at(bin: usize) -> usize {
    HEADS_AT + 8 * bin
}

impl Index {
    /// The list's shape, which was whole when the operation began.
    #[inline(always)]
    pub fn shape(self) -> Shape {
        self.words.shape_as_it_is()
    }

    /// The bin for a size, if there is one.
    #[inline(always)]
    pub fn bin(self, size: usize) -> Option<usize> {
        let bin = (size - MIN_BINNED) / GRAIN;
        (bin < self.shape().bins()).then_some(bin)
    }

    /// The tree.
    pub fn tree(self) -> Tree {
        match self.words.link(ROOT_AT) {
            Some(root) => Tree::from_root(root),
            None => self.words.control_damaged(ROOT_AT),
        }
    }

    fn with_tree<R>(self, work: impl FnOnce(&mut Tree) -> R) -> R {
        let mut tree = self.tree();
        let root = tree.root();
        let result = work(&mut tree);
        if tree.root() != root {
            self.words.set_link(ROOT_AT, tree.root());
        }
        result
    }

    /// A bin's first block.
    fn head(self, bin: usize) -> Block {
        match self.words.link(head_at(bin)) {
            Some(block) => block,
            None => self.words.control_damaged(head_at(bin)),
        }
    }

    fn map(self, word: usize) -> u64 {
        self.words.load(MAP_AT + 8 * word)
    }

    /// The first bin from `bin` on that has a block.
    #[inline(always)]
    fn first_bin(self, bin: usize) -> Option<usize> {
        let (mut word, mut bits) = (bin / 64, self.map(bin / 64) & u64::MAX << (bin % 64));
        while bits == 0 {
            word += 1;
            if word * 64 >= self.shape().bins() {
                return None;
            }
            bits = self.map(word);
        }
        let found = word * 64 + bits.trailing_zeros() as usize;
        (found < self.shape().bins()).then_some(found)
    }

    /// The last bin that has a block.
    fn last_bin(self) -> Option<usize> {
        let words = (0..self.shape().bins().div_ceil(64)).rev();
        words
            .map(|word| (word, self.map(word)))
            .find(|(_, bits)| *bits != 0)
            .map(|(word, bits)| word * 64 + bits.ilog2() as usize)
    }

    /// The block that serves `size` bytes, header included.
    #[inline(always)]
    pub fn find(self, size: usize) -> Option<Block> {
        if let Some(bin) = self.bin(size)
            && let Some(bin) = self.first_bin(bin)
        {
            return match self.head(bin) {
                NONE => self.words.control_damaged(head_at(bin)),
                block => Some(block),
            };
        }
        self.find_in_tree(size)
    }

    #[inline(never)]
    fn find_in_tree(self, size: usize) -> Option<Block> {
        let (tree, need) = (self.tree(), grains(size));
        match self.shape().fit() {
            Fit::First => tree.first_fit(&self.words, need),
            Fit::Best => tree.best_fit(&self.words, need),
            Fit::Worst => tree.worst_fit(&self.words, need),
        }
    }

    /// The size of the largest free block, or 0.
    pub fn largest(self) -> usize {
        match (self.tree().largest(&self.words), self.last_bin()) {
            (0, Some(bin)) => MIN_BINNED + bin * GRAIN,
            (grains, _) => grains as usize * GRAIN,
        }
    }

    /// Adds a free block. Its header is final.
    #[inline(never)]
    pub fn insert(self, block: Block, size: usize) {
        self.insert_inlined(block, size);
    }

    /// The same, for the common calls.
    #[inline(always)]
    pub fn insert_inlined(self, block: Block, size: usize) {
        match self.bin(size) {
            Some(bin) => self.push(bin, block),
            None => self.insert_in_tree(block, size),
        }
    }

    #[inline(never)]
    fn insert_in_tree(self, block: Block, size: usize) {
        let (words, key) = (self.words, (grains(size), block));
        self.with_tree(|tree| match self.shape().fit() {
            Fit::Best => tree.insert(&words, block, |other| key < (words.size(other), other)),
            Fit::First | Fit::Worst => tree.insert(&words, block, |other| block < other),
        });
    }

    #[inline(always)]
    fn push(self, bin: usize, block: Block) {
        let next = self.head(bin);
        self.words.set_link(block + NEXT, next);
        self.words.set_link(block + PREVIOUS, NONE);
        if next == NONE {
            let at = MAP_AT + 8 * (bin / 64);
            self.words.store(at, self.words.load(at) | 1 << (bin % 64));
        } else {
            self.words.set_link(next + PREVIOUS, block);
        }
        self.words.set_link(head_at(bin), block);
    }

    /// Takes a block of `size` bytes out. Its header may say something new, its links are as they were.
    #[inline(never)]
    pub fn remove(self, block: Block, size: usize) {
        self.remove_inlined(block, size);
    }

    /// The same, for the common calls.
    #[inline(always)]
    pub fn remove_inlined(self, block: Block, size: usize) {
        match self.bin(size) {
            Some(bin) => self.unlink(bin, block),
            None => self.remove_from_tree(block),
        }
    }

    #[inline(never)]
    fn remove_from_tree(self, block: Block) {
        self.with_tree(|tree| tree.remove(&self.words, block));
    }

    #[inline(always)]
    fn unlink(self, bin: usize, block: Block) {
        let words = self.words;
        let (next, previous) = (words.link_of(block, NEXT), words.link_of(block, PREVIOUS));
        if next != NONE {
            words.set_link(next + PREVIOUS, previous);
        }
        if previous != NONE {
            return words.set_link(previous + NEXT, next);
        }
        if self.head(bin) != block {
            words.astray(block);
        }
        words.set_link(head_at(bin), next);
        if next == NONE {
            let at = MAP_AT + 8 * (bin / 64);
            words.store(at, words.load(at) & !(1 << (bin % 64)));
        }
    }

    /// Whether a free block that changes keeps its place in the order, whatever its size.
    #[inline]
    pub fn is_by_address(self) -> bool {
        self.shape().fit() != Fit::Best
    }

    /// A free block starts elsewhere, or has another size, and has passed no neighbour: for indices by address.
    pub fn moved(self, old: Block, new: Block) {
        let words = self.words;
        self.with_tree(|tree| if old == new { tree.resize(&words, new) } else { tree.replace(&words, old, new) });
    }

    /// Forgets all blocks.
    pub fn clear(self) {
        self.words.set_link(ROOT_AT, NONE);
        (0..super::control::MAP_WORDS).for_each(|word| self.words.store(MAP_AT + 8 * word, 0));
        (0..self.shape().bins()).for_each(|bin| self.words.set_link(head_at(bin), NONE));
    }
}
