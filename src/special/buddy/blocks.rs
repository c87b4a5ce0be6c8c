//! Which blocks of a range are free and which are out, in numbers: no memory but the bitmaps' is touched.
//!
//! The range is a row of *leaves*, the smallest blocks. A block of order k is 2^k leaves, and starts at a multiple of
//! that. Two neighbours that make up one of the next order are buddies: when both are free they are joined (Knowlton,
//! "A fast storage allocator", CACM 8(10), 1965; Knuth, TAOCP 1, 2.5).
//!
//! ```text
//!     free    a bitmap with summaries for each order: a bit is a free block
//!     starts  a bit for each leaf: a block that is out starts there
//!     ends    a bit for each leaf: a block that is out ends with it
//! ```
//!
//! The order of a block that is out is told by where it ends: inside it there is no other bit.

#![allow(unsafe_code)]

use crate::special::levels::{self, BITS_MAX, Levels};
use core::mem::MaybeUninit;
use core::ops::Range;

/// The most orders.
pub const ORDERS: usize = 37;
/// The most leaves.
pub const LEAVES_MAX: usize = BITS_MAX;
const WORD: usize = u64::BITS as usize;

/// The blocks.
pub struct Blocks {
    free: [MaybeUninit<Levels>; ORDERS],
    /// Orders that have a free block, a bit each.
    orders: u64,
    /// The largest order.
    top: usize,
    starts: *mut u64,
    ends: *mut u64,
    /// The range is what lies in here; blocks are aligned as if it began at 0.
    leaves: Range<usize>,
    /// Leaves that are free.
    free_leaves: usize,
}

/// What is wrong with a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is free.
    Free,
    /// It is in the block that starts there, and has that order.
    Inside(usize, usize),
}

/// How many words `Blocks` needs for leaves below `end` and orders up to `top`.
pub fn words_for(end: usize, top: usize) -> usize {
    let free: usize = (0..=top).map(|order| levels::words_for(bits(end, order))).sum();
    free + 2 * end.div_ceil(WORD)
}

/// Blocks of an order, the last of which may reach behind the end and never is free.
fn bits(end: usize, order: usize) -> usize {
    end.div_ceil(1 << order)
}

impl Blocks {
    /// All leaves of a range are free. It is not empty and ends at `LEAVES_MAX` at most; `top` is below `ORDERS`.
    ///
    /// # Safety
    /// So many words as `words_for` says are the caller's, and zero, for as long as this is used.
    pub unsafe fn new(words: *mut u64, leaves: Range<usize>, top: usize) -> Self {
        let mut free = [const { MaybeUninit::uninit() }; ORDERS];
        let mut at = words;
        for (order, free) in free.iter_mut().enumerate().take(top + 1) {
            let bits = bits(leaves.end, order);
            // SAFETY: the caller's promise.
            unsafe {
                free.write(Levels::new(at, bits));
                at = at.add(levels::words_for(bits));
            }
        }
        // SAFETY: the same.
        let ends = unsafe { at.add(leaves.end.div_ceil(WORD)) };
        let mut blocks =
            Self { free, orders: 0, top, starts: at, ends, leaves: leaves.clone(), free_leaves: leaves.len() };
        let mut leaf = leaves.start;
        while leaf < leaves.end {
            let room = (leaves.end - leaf).ilog2().min(leaf.trailing_zeros()) as usize;
            let order = room.min(top);
            blocks.set_free(order, leaf);
            leaf += 1 << order;
        }
        blocks
    }

    /// How many leaves are free.
    pub fn free_leaves(&self) -> usize {
        self.free_leaves
    }

    #[inline(always)]
    fn level(&self, order: usize) -> &Levels {
        debug_assert!(order <= self.top);
        // SAFETY: those up to the top were made.
        unsafe { self.free.get_unchecked(order).assume_init_ref() }
    }

    #[inline(always)]
    fn level_mut(&mut self, order: usize) -> &mut Levels {
        debug_assert!(order <= self.top);
        // SAFETY: those up to the top were made.
        unsafe { self.free.get_unchecked_mut(order).assume_init_mut() }
    }

    #[inline(always)]
    fn set_free(&mut self, order: usize, leaf: usize) {
        self.level_mut(order).set(leaf >> order);
        self.orders |= 1 << order;
    }

    #[inline(always)]
    fn clear_free(&mut self, order: usize, leaf: usize) {
        let level = self.level_mut(order);
        level.clear(leaf >> order);
        if level.is_empty() {
            self.orders &= !(1 << order);
        }
    }

    #[inline(always)]
    fn is_free(&self, order: usize, leaf: usize) -> bool {
        self.level(order).get(leaf >> order)
    }

    #[inline(always)]
    fn flip(words: *mut u64, leaf: usize) {
        // SAFETY: the caller's leaf lies before the end.
        unsafe { *words.add(leaf / WORD) ^= 1 << (leaf % WORD) };
    }

    #[inline(always)]
    fn load(words: *mut u64, leaf: usize) -> u64 {
        // SAFETY: the caller's leaf lies before the end.
        unsafe { *words.add(leaf / WORD) }
    }

    /// A block is out from now on, or no more.
    #[inline(always)]
    fn flip_out(&mut self, leaf: usize, order: usize) {
        Self::flip(self.starts, leaf);
        Self::flip(self.ends, leaf + (1 << order) - 1);
    }

    /// The lowest free block of an order, split off the lowest of the smallest order that has one.
    #[inline]
    pub fn take(&mut self, order: usize) -> Option<usize> {
        let orders = self.orders & u64::MAX << order;
        if order > self.top || orders == 0 {
            return None;
        }
        let mut from = orders.trailing_zeros() as usize;
        let leaf = self.level(from).first()? << from;
        self.clear_free(from, leaf);
        while from > order {
            from -= 1;
            self.set_free(from, leaf + (1 << from));
        }
        self.flip_out(leaf, order);
        self.free_leaves -= 1 << order;
        Some(leaf)
    }

    /// The order of the block that is out and starts at a leaf.
    #[inline]
    pub fn order_of(&self, leaf: usize) -> Result<usize, Wrong> {
        if self.leaves.contains(&leaf) && Self::load(self.starts, leaf) >> (leaf % WORD) & 1 != 0 {
            Ok(self.order_at(leaf))
        } else {
            Err(self.judge(leaf))
        }
    }

    #[inline(always)]
    fn order_at(&self, leaf: usize) -> usize {
        let here = Self::load(self.ends, leaf) >> (leaf % WORD);
        if here != 0 {
            // Leaves up to the last one, a power of two of them.
            return (here.trailing_zeros() + 1).trailing_zeros() as usize;
        }
        let ends_there = |order: &usize| Self::load(self.ends, leaf + (1 << order) - 1) >> (WORD - 1) != 0;
        let last = |order: &usize| leaf + (1 << order) <= self.leaves.end;
        (WORD.ilog2() as usize + 1..=self.top).take_while(last).find(ends_there).unwrap_or(0)
    }

    /// What is wrong with a leaf where no block starts that is out.
    #[cold]
    fn judge(&self, leaf: usize) -> Wrong {
        for order in 1..=self.top {
            let start = leaf >> order << order;
            let is_start = self.leaves.contains(&start) && Self::load(self.starts, start) >> (start % WORD) & 1 != 0;
            if is_start && start + (1 << self.order_at(start)) > leaf {
                return Wrong::Inside(start, self.order_at(start));
            }
        }
        Wrong::Free
    }

    /// Takes back the block that is out and starts at a leaf.
    #[inline]
    pub fn give(&mut self, leaf: usize) -> Result<usize, Wrong> {
        let order = self.order_of(leaf)?;
        self.flip_out(leaf, order);
        self.free_leaves += 1 << order;
        self.join(leaf, order);
        Ok(order)
    }

    /// A block is free: joins it with its buddy, as long as that is free.
    #[inline(always)]
    fn join(&mut self, mut leaf: usize, mut order: usize) {
        while order < self.top {
            let buddy = leaf ^ 1 << order;
            if !self.is_free(order, buddy) {
                break;
            }
            self.clear_free(order, buddy);
            leaf &= buddy;
            order += 1;
        }
        self.set_free(order, leaf);
    }

    /// Makes the block that is out and starts at a leaf one of another order, where it is: smaller always, larger if
    /// the blocks behind it are free. Whether it is.
    pub fn resize(&mut self, leaf: usize, order: usize) -> Result<bool, Wrong> {
        let old = self.order_of(leaf)?;
        let is_free_behind = |order: usize| leaf & 1 << order == 0 && self.is_free(order, leaf + (1 << order));
        if order > self.top || !(old..order).all(is_free_behind) {
            return Ok(false);
        }
        self.flip_out(leaf, old);
        for order in old..order {
            self.clear_free(order, leaf + (1 << order));
            self.free_leaves -= 1 << order;
        }
        for order in (order..old).rev() {
            self.set_free(order, leaf + (1 << order));
            self.free_leaves += 1 << order;
        }
        self.flip_out(leaf, order);
        Ok(true)
    }

    /// How many blocks of an order are free.
    pub fn count_free(&self, order: usize) -> usize {
        if order > self.top { 0 } else { self.level(order).count() }
    }

    /// The largest order that has a free block.
    pub fn largest_free(&self) -> Option<usize> {
        self.orders.checked_ilog2().map(|order| order as usize)
    }

    /// Makes all leaves free.
    pub fn give_all(&mut self) {
        let words = words_for(self.leaves.end, self.top);
        let first = self.level(0).words();
        // SAFETY: all bitmaps stand one behind the other, from the first level's words on.
        unsafe {
            first.write_bytes(0, words);
            *self = Self::new(first, self.leaves.clone(), self.top);
        }
    }

    /// Which invariant is broken, if one is.
    pub fn check(&self) -> Result<(), &'static core::ffi::CStr> {
        let (mut leaf, mut free) = (self.leaves.start, 0);
        let mut counts = [0; ORDERS];
        while leaf < self.leaves.end {
            let room = leaf.trailing_zeros().min(self.top as u32) as usize;
            let found = (0..=room).find(|&order| self.is_free(order, leaf));
            let is_out = Self::load(self.starts, leaf) >> (leaf % WORD) & 1 != 0;
            let order = match (found, is_out) {
                (Some(order), false) => order,
                (None, true) => self.order_at(leaf),
                (Some(_), true) => return Err(c"buddy: a block is free and out"),
                (None, false) => return Err(c"buddy: a leaf is in no block"),
            };
            if leaf & ((1 << order) - 1) != 0 || leaf + (1 << order) > self.leaves.end {
                return Err(c"buddy: a block is not where one of its order can be");
            }
            if found.is_some() {
                counts[order] += 1;
                free += 1 << order;
                if order < self.top && self.is_free(order, leaf ^ 1 << order) {
                    return Err(c"buddy: two free buddies are not joined");
                }
            }
            leaf += 1 << order;
        }
        let is_sound = |order: usize| {
            let level = self.level(order);
            level.is_sound()
                && level.count() == counts[order]
                && (counts[order] != 0) == (self.orders >> order & 1 != 0)
        };
        if !(0..=self.top).all(is_sound) {
            return Err(c"buddy: a bitmap of free blocks is broken");
        }
        if free != self.free_leaves {
            return Err(c"buddy: the count of free leaves is wrong");
        }
        let ones = |words: *mut u64| -> usize {
            (0..self.leaves.end.div_ceil(WORD)).map(|word| Self::load(words, word * WORD).count_ones() as usize).sum()
        };
        if ones(self.starts) != ones(self.ends) {
            return Err(c"buddy: a block has a start and no end");
        }
        Ok(())
    }
}
