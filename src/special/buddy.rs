//! The buddy allocator: blocks of a power of two each, of a range of memory, or of offsets that stand for something
//! else.
//!
//! All that is known of the range stands outside of it, in a control block: a range that is not ordinary memory, or a
//! file, is never touched. A pointer that comes back is judged by that alone.

#![allow(unsafe_code)]

pub mod blocks;
pub mod handle;
pub mod options;
pub mod report;
#[cfg(test)]
mod tests;

use crate::special::entry::{Entered, Entry};
use blocks::{Blocks, Wrong as WrongLeaf};
use core::ops::Range;
use options::Layout;

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing there is out.
    Free,
    /// It leads into the block that starts there, and has so many bytes.
    Inside(usize, usize),
    /// It leads to where no block can start: between two leaves that are free.
    Between,
    /// It is not in the range.
    Foreign,
}

/// The allocator. Addresses are whatever the range is of: of memory, or offsets.
pub struct Buddy {
    blocks: Entry<Blocks>,
    layout: Layout,
}

/// What a buddy allocator has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of the range that can be handed out.
    pub total: usize,
    /// Bytes of them that are free.
    pub free: usize,
    /// Bytes of the largest free block.
    pub largest_free: usize,
    /// Free blocks, by order.
    pub free_blocks: [usize; blocks::ORDERS],
}

impl Buddy {
    /// All of a range is free.
    ///
    /// # Safety
    /// So many words as the layout asks for are the caller's, and zero, for as long as this is used.
    pub unsafe fn new(words: *mut u64, layout: Layout, is_shared: bool) -> Self {
        // SAFETY: the caller's promise.
        let blocks = unsafe { Blocks::new(words, layout.leaves.clone(), layout.top) };
        Self { blocks: Entry::new(blocks, is_shared), layout }
    }

    #[inline(always)]
    fn enter(&self) -> Entered<'_, Blocks> {
        // SAFETY: who uses one that is not shared is alone, and nothing is called from inside.
        unsafe { self.blocks.enter() }
    }

    /// How the range is divided.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A block of at least so many bytes.
    #[inline]
    pub fn alloc(&self, bytes: usize) -> Option<usize> {
        self.alloc_order(self.layout.order_for(bytes))
    }

    /// A block of an order, which counts from the smallest blocks on.
    #[inline]
    pub fn alloc_order(&self, order: usize) -> Option<usize> {
        if order > self.layout.top {
            return None;
        }
        let leaf = self.enter().take(order)?;
        Some(self.layout.address(leaf))
    }

    /// Takes a block back, and says how many bytes it has.
    #[inline]
    pub fn free(&self, address: usize) -> Result<usize, Wrong> {
        let leaf = self.leaf(address)?;
        match self.enter().give(leaf) {
            Ok(order) => Ok(self.layout.bytes(order)),
            Err(wrong) => Err(self.wrong(address, wrong)),
        }
    }

    #[inline(always)]
    fn leaf(&self, address: usize) -> Result<usize, Wrong> {
        match self.layout.leaf(address) {
            Some(leaf) => Ok(leaf),
            None => Err(self.wrong_address(address)),
        }
    }

    #[cold]
    fn wrong_address(&self, address: usize) -> Wrong {
        let Some(leaf) = self.layout.leaf_around(address) else { return Wrong::Foreign };
        let order = self.enter().order_of(leaf);
        match order {
            Ok(order) => Wrong::Inside(self.layout.address(leaf), self.layout.bytes(order)),
            Err(WrongLeaf::Inside(start, order)) => Wrong::Inside(self.layout.address(start), self.layout.bytes(order)),
            Err(WrongLeaf::Free) => Wrong::Between,
        }
    }

    #[cold]
    fn wrong(&self, address: usize, wrong: WrongLeaf) -> Wrong {
        match wrong {
            WrongLeaf::Inside(start, order) => Wrong::Inside(self.layout.address(start), self.layout.bytes(order)),
            WrongLeaf::Free if self.layout.leaf_around(address).is_none() => Wrong::Foreign,
            WrongLeaf::Free => Wrong::Free,
        }
    }

    /// How many bytes the block has that starts at an address and is out.
    pub fn usable(&self, address: usize) -> Result<usize, Wrong> {
        let leaf = self.leaf(address)?;
        let order = self.enter().order_of(leaf);
        order.map(|order| self.layout.bytes(order)).map_err(|wrong| self.wrong(address, wrong))
    }

    /// Makes a block one for so many bytes, where it is. Whether it is.
    pub fn resize(&self, address: usize, bytes: usize) -> Result<bool, Wrong> {
        let leaf = self.leaf(address)?;
        let order = self.layout.order_for(bytes);
        let resized = self.enter().resize(leaf, order);
        resized.map_err(|wrong| self.wrong(address, wrong))
    }

    /// Takes all blocks back.
    pub fn reset(&self) {
        self.enter().give_all();
    }

    /// What there is.
    pub fn stats(&self) -> Stats {
        let blocks = self.enter();
        let bytes = |order| self.layout.bytes(order);
        let mut free_blocks = [0; blocks::ORDERS];
        free_blocks.iter_mut().enumerate().for_each(|(order, count)| *count = blocks.count_free(order));
        let Range { start, end } = self.layout.leaves;
        Stats {
            total: (end - start) * bytes(0),
            free: blocks.free_leaves() * bytes(0),
            largest_free: blocks.largest_free().map_or(0, bytes),
            free_blocks,
        }
    }

    /// Which invariant is broken, if one is.
    pub fn check(&self) -> Result<(), &'static core::ffi::CStr> {
        self.enter().check()
    }
}
