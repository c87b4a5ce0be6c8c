//! The free list: the index of one heap's free blocks, in the tree of `base::tree`, under a fit policy.
//!
//! Merging finds its neighbours by boundary tags, so the index serves placement alone, and the policy is the tree's key:
//! `First` and `Worst` key by address (lowest that fits; leftmost of the largest), `Best` by (size, address).

use super::block::{Block, FreeBlocks};
use crate::base::config::GRAIN;
use crate::base::tree::{NONE, Nodes, Tree};

/// Which free block serves a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The lowest address that fits.
    First,
    /// The smallest that fits; of these the lowest address.
    Best,
    /// The largest; of these the lowest address.
    Worst,
}

/// The free list. Blocks in it have their final header and tag; all else it needs lies in them.
pub(super) struct FreeList {
    tree: Tree,
    fit: Fit,
    count: usize,
}

#[expect(clippy::cast_possible_truncation, reason = "callers ask for at most a block's size")]
fn grains(size: usize) -> u32 {
    debug_assert!(size / GRAIN <= u32::MAX as usize);
    size.div_ceil(GRAIN) as u32
}

impl FreeList {
    /// An empty list.
    pub const fn new(fit: Fit) -> Self {
        Self { tree: Tree::new(), fit, count: 0 }
    }

    /// The policy in force.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// How many blocks are in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The tree, for the validators.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    fn key(&self, block: Block) -> (u32, Block) {
        (if self.fit == Fit::Best { FreeBlocks.size(block) } else { 0 }, block)
    }

    /// The block that serves `size` bytes.
    pub fn find(&self, size: usize) -> Option<Block> {
        let need = grains(size);
        match self.fit {
            Fit::First => self.tree.first_fit(&FreeBlocks, need),
            Fit::Best => self.tree.best_fit(&FreeBlocks, need),
            Fit::Worst => self.tree.worst_fit(&FreeBlocks, need),
        }
    }

    /// Adds a free block.
    pub fn insert(&mut self, block: Block) {
        let key = self.key(block);
        let (fit, count) = (self.fit, self.count);
        self.tree.insert(&FreeBlocks, block, |other| match fit {
            Fit::Best => key < (FreeBlocks.size(other), other),
            Fit::First | Fit::Worst => block < other,
        });
        self.count = count + 1;
    }

    /// Takes a block out. Its header may already say something new.
    pub fn remove(&mut self, block: Block) {
        self.tree.remove(&FreeBlocks, block);
        self.count -= 1;
    }

    /// A free block is smaller now, and may start elsewhere, without having passed a neighbour.
    pub fn shrunk(&mut self, old: Block, new: Block) {
        let stays = self.fit != Fit::Best || {
            let before = self.tree.before(&FreeBlocks, old);
            before == NONE || self.key(before) < self.key(new)
        };
        self.moved(old, new, stays);
    }

    /// A free block is larger now, and may start elsewhere, without having passed a neighbour.
    pub fn grown(&mut self, old: Block, new: Block) {
        let stays = self.fit != Fit::Best || {
            let after = self.tree.after(&FreeBlocks, old);
            after == NONE || self.key(new) < self.key(after)
        };
        self.moved(old, new, stays);
    }

    /// A free block has another key, and may have another place in the order.
    fn moved(&mut self, old: Block, new: Block, stays: bool) {
        if !stays {
            self.remove(old);
            self.insert(new);
        } else if old == new {
            self.tree.resize(&FreeBlocks, new);
        } else {
            self.tree.replace(&FreeBlocks, old, new);
        }
    }

    /// The first block in key order of at least `size` bytes after `block` (the first of all, if `None`). What it returns is behind `block`
    /// in any case: a loop over it ends.
    pub fn next_of_size(&self, block: Option<Block>, size: usize) -> Option<Block> {
        match block {
            None => self.tree.first_fit(&FreeBlocks, grains(size)),
            Some(block) => match self.tree.next_fit(&FreeBlocks, block, grains(size)) {
                NONE => None,
                next if self.key(next) > self.key(block) => Some(next),
                next => FreeBlocks.astray(next),
            },
        }
    }
}
