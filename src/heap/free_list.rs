//! The free list: the index of one heap's free blocks. It is a tree of `base::tree`, and its key is the fit policy.
//!
//! Merging finds neighbours by boundary tags, so the index only places blocks. `First` and `Worst` have the address as
//! key (the lowest that fits; the leftmost of the largest), `Best` has (size, address).
//!
//! The tree names its nodes by numbers: the addresses of their blocks. Only this file makes blocks of them again.

#![allow(unsafe_code)]

use super::block::{Block, Damaged, Link, SUMMARY, usable};
use crate::base::code::Code;
use crate::base::config::{GRAIN, HEADER};
use crate::base::tree::{NONE, Nodes, Summary, Tree};
use crate::trace::report;
use core::mem::offset_of;

/// Which free block serves a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The block at the lowest address that fits.
    First,
    /// The smallest block that fits, and of equal ones that at the lowest address.
    Best,
    /// The largest block, and of equal ones that at the lowest address.
    Worst,
}

/// The free list. The blocks in it have their final header and boundary tag. All else that it needs lies in the blocks.
pub(super) struct FreeList {
    tree: Tree,
    fit: Fit,
    count: usize,
}

/// The offsets of the address of the block at the root, which is all of a tree, and of the count of blocks.
pub(super) const ROOT: usize = offset_of!(FreeList, tree);
pub(super) const COUNT: usize = offset_of!(FreeList, count);

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

    /// The fit policy.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// The bytes of the largest block in it, header included. 0 if the list is empty.
    pub fn largest(&self) -> usize {
        self.tree.largest(&FreeBlocks) as usize * GRAIN
    }

    /// The number of free blocks.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The root of the tree, for the validators.
    pub fn root(&self) -> Option<Block> {
        block(self.tree.root())
    }

    fn key(&self, node: usize) -> (u32, usize) {
        (if self.fit == Fit::Best { FreeBlocks.size(node) } else { 0 }, node)
    }

    /// The free block that serves `size` bytes.
    pub fn find(&self, size: usize) -> Option<Block> {
        let need = grains(size);
        let node = match self.fit {
            Fit::First => self.tree.first_fit(&FreeBlocks, need),
            Fit::Best => self.tree.best_fit(&FreeBlocks, need),
            Fit::Worst => self.tree.worst_fit(&FreeBlocks, need),
        };
        node.map(block_of)
    }

    /// Adds a free block.
    pub fn insert(&mut self, block: Block) {
        let node = block.address();
        let key = self.key(node);
        let (fit, count) = (self.fit, self.count);
        self.tree.insert(&FreeBlocks, node, |other| match fit {
            Fit::Best => key < (FreeBlocks.size(other), other),
            Fit::First | Fit::Worst => node < other,
        });
        self.count = count + 1;
    }

    /// Takes a block out. Its header may have changed already.
    pub fn remove(&mut self, block: Block) {
        self.tree.remove(&FreeBlocks, block.address());
        self.count -= 1;
    }

    /// Takes note that a free block is smaller, and may start elsewhere. It has not passed another free block.
    pub fn shrunk(&mut self, old: Block, new: Block) {
        let stays = self.fit != Fit::Best || {
            let before = self.tree.before(&FreeBlocks, old.address());
            before == NONE || self.key(before) < self.key(new.address())
        };
        self.moved(old, new, stays);
    }

    /// Takes note that a free block is larger, and may start elsewhere. It has not passed another free block.
    pub fn grown(&mut self, old: Block, new: Block) {
        let stays = self.fit != Fit::Best || {
            let after = self.tree.after(&FreeBlocks, old.address());
            after == NONE || self.key(new.address()) < self.key(after)
        };
        self.moved(old, new, stays);
    }

    /// Gives a free block a new key. `stays` says that its place in the order is the same.
    fn moved(&mut self, old: Block, new: Block, stays: bool) {
        if !stays {
            self.remove(old);
            self.insert(new);
        } else if old == new {
            self.tree.resize(&FreeBlocks, new.address());
        } else {
            self.tree.replace(&FreeBlocks, old.address(), new.address());
        }
    }

    /// The first block after `block` in key order that has at least `size` bytes, or the first of all if `block` is
    /// `None`. The result is always behind `block`, so a loop over it ends.
    pub fn next_of_size(&self, block: Option<Block>, size: usize) -> Option<Block> {
        let next = match block.map(Block::address) {
            None => self.tree.first_fit(&FreeBlocks, grains(size))?,
            Some(node) => match self.tree.next_fit(&FreeBlocks, node, grains(size)) {
                NONE => return None,
                next if self.key(next) > self.key(node) => next,
                next => FreeBlocks.astray(next),
            },
        };
        Some(block_of(next))
    }
}

/// The block of a node.
#[inline(always)]
fn block_of(node: usize) -> Block {
    // SAFETY: the tree gets its nodes here: they are blocks, and what the links of blocks lead to.
    unsafe { Block::at(node) }
}

/// The block of a node, if `node` is not `NONE`.
#[inline(always)]
fn block(node: usize) -> Option<Block> {
    if node == NONE { None } else { Some(block_of(node)) }
}

/// The free blocks, as nodes of the tree.
struct FreeBlocks;

impl FreeBlocks {
    #[inline]
    fn link(&self, node: usize, which: Link) -> usize {
        match block_of(node).link(which) {
            Ok(to) => to.map_or(NONE, Block::address),
            Err(Damaged) => write_after_free(block_of(node), node + which as usize),
        }
    }
}

impl Nodes for FreeBlocks {
    #[inline]
    fn size(&self, node: usize) -> u32 {
        match block_of(node).header() {
            Ok(h) => h.grains(),
            Err(raw) => damaged(block_of(node), raw),
        }
    }

    #[inline]
    fn left(&self, node: usize) -> usize {
        self.link(node, Link::Left)
    }

    #[inline]
    fn right(&self, node: usize) -> usize {
        self.link(node, Link::Right)
    }

    #[inline]
    fn parent(&self, node: usize) -> usize {
        self.link(node, Link::Parent)
    }

    #[inline]
    fn summary(&self, node: usize) -> Summary {
        match block_of(node).summary() {
            Ok(summary) => summary,
            Err(Damaged) => write_after_free(block_of(node), node + SUMMARY),
        }
    }

    fn set_left(&self, node: usize, child: usize) {
        block_of(node).set_link(Link::Left, block(child));
    }

    fn set_right(&self, node: usize, child: usize) {
        block_of(node).set_link(Link::Right, block(child));
    }

    fn set_parent(&self, node: usize, parent: usize) {
        block_of(node).set_link(Link::Parent, block(parent));
    }

    fn set_summary(&self, node: usize, summary: Summary) {
        block_of(node).set_summary(summary);
    }

    #[inline(always)]
    fn astray(&self, node: usize) -> ! {
        astray(block_of(node))
    }
}

/// Reports that a word of a free block is not what metes left there.
#[cold]
#[inline(never)]
fn write_after_free(block: Block, at: usize) -> ! {
    let (from, to) = (at - block.address(), at - block.address() + 7);
    let raw = block.node_word(from);
    let (size, block) = (usable_in(block), block.address());
    report::misuse(
        Code::FreeBlockWritten,
        at,
        format_args!("the free block of {size} bytes at {block:#x}: its bytes {from} to {to} are {raw:#018x}"),
    )
}

/// The usable bytes of a free block, 0 if its header is damaged.
fn usable_in(block: Block) -> usize {
    block.header().map_or(0, |h| usable(h.size().max(HEADER)))
}

/// Reports a free block whose links lead astray. Each of its words was there once: the program read it from a free
/// block and wrote it back later.
#[cold]
#[inline(never)]
pub(super) fn astray(block: Block) -> ! {
    let (size, block) = (usable_in(block), block.address());
    let text = format_args!("the free block of {size} bytes at {block:#x}: its links, of an earlier time, lead astray");
    report::misuse(Code::FreeBlockWritten, block, text)
}

/// Reports that the header of a free block is not what metes left there.
#[cold]
#[inline(never)]
fn damaged(block: Block, raw: u64) -> ! {
    let block = block.address();
    report::misuse(
        Code::FreeBlockWritten,
        block - HEADER,
        format_args!("the header of the free block at {block:#x} is {raw:#018x}"),
    )
}
