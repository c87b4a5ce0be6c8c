//! Small blocks of a compartment: quick lists of freed blocks by their exact size, and a run that new ones are cut
//! from.
//!
//! ```text
//!     quick     size / 16 -> block -> block -> ...        in use to the heap
//!     run       | block | block | rest of the run        |   one block of the heap; each piece has a header
//!                               ^ next                   ^ end
//! ```
//!
//! The heap has a quick block in use, so it merges nothing with it. Lists and run are given back to the heap by
//! `flush`. `waiting` says what stands in a quick block.

#![allow(unsafe_code)]

use super::waiting;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK};
use crate::heap::heap::Heap;
use crate::heap::pieces;

use crate::sys::linux::Linux;

/// Blocks of fewer bytes, header included, are small.
pub const SMALL: usize = 1 << 10;
/// How many lists there are.
pub const LISTS: usize = SMALL / GRAIN;
/// A run's bytes: the first, and the most.
const RUN_FIRST: usize = 1 << 10;
const RUN_MOST: usize = 32 << 10;

/// The lists and the run. All zero at first.
pub struct Small {
    /// By size in grains: the block that is handed out next, or 0.
    pub(super) quick: [usize; LISTS],
    /// The next piece's payload, and where the run's last piece ends; equal where there is no run.
    pub(super) next: usize,
    pub(super) end: usize,
    /// Whether the block before the next piece is in use.
    prev_in_use: bool,
    /// Pieces that were cut and that the heap has not counted.
    uncounted: usize,
    /// Bytes of the last run.
    run: usize,
}

/// A block that was taken.
pub struct Piece {
    /// Its address.
    pub address: usize,
    /// Its bytes, header included: what was asked for, or a little more.
    pub size: usize,
    /// Whether it waited in a list.
    pub waited: bool,
}

/// What stands in the lists is not what was left there.
pub struct Damaged(pub usize);

impl Small {
    /// Nothing.
    pub const fn new() -> Self {
        Self { quick: [0; LISTS], next: 0, end: 0, prev_in_use: true, uncounted: 0, run: 0 }
    }

    /// A block of `size` bytes, header included, below `SMALL`; `None` where memory is out.
    #[inline]
    pub fn take(&mut self, heap: &mut Heap<Linux>, size: usize) -> Result<Option<Piece>, Damaged> {
        let head = self.quick[size / GRAIN];
        if head != 0 {
            // SAFETY: a block of ours, which nobody has.
            let next = unsafe { waiting::next(head) }.ok_or(Damaged(head))?;
            self.quick[size / GRAIN] = next;
            // SAFETY: as above.
            unsafe { waiting::clear(head) };
            return Ok(Some(Piece { address: head, size, waited: true }));
        }
        // A rest is a block, or nothing.
        let left = self.end - self.next;
        if left == size || left >= size + MIN_BLOCK {
            return Ok(Some(self.cut(size)));
        }
        Ok(self.take_from_new_run(heap, size))
    }

    /// A block of `size` bytes from its list, or cut off the run; `None` if both are empty, or the list's first block
    /// was written to.
    #[inline(always)]
    pub fn pop(&mut self, size: usize) -> Option<usize> {
        let list = &mut self.quick[size / GRAIN % LISTS];
        let head = *list;
        if head == 0 {
            let left = self.end - self.next;
            return if left >= size + MIN_BLOCK { Some(self.cut(size).address) } else { None };
        }
        // SAFETY: a block of ours, which nobody has.
        let next = unsafe { waiting::next(head) }?;
        *list = next;
        // SAFETY: as above.
        unsafe { waiting::clear(head) };
        Some(head)
    }

    /// Cuts a piece off the run. A rest that is too small for a block goes with it.
    #[inline]
    fn cut(&mut self, size: usize) -> Piece {
        let (piece, left) = (self.next, self.end - self.next);
        let size = if left - size < MIN_BLOCK { left } else { size };
        // A block that waited in a list may have started here once.
        // SAFETY: a piece of the run, which nobody has.
        unsafe {
            pieces::set_header(piece, size, self.prev_in_use);
            waiting::clear(piece);
        }
        self.prev_in_use = true;
        self.uncounted += usize::from(size != left);
        self.next += size;
        Piece { address: piece, size, waited: false }
    }

    #[cold]
    #[inline(never)]
    fn take_from_new_run(&mut self, heap: &mut Heap<Linux>, size: usize) -> Option<Piece> {
        self.settle(heap);
        self.end_run(heap);
        self.run = (2 * self.run).clamp(RUN_FIRST, RUN_MOST);
        // Pieces of one size fill it.
        let run = (self.run / size).max(1) * size;
        let fresh = heap.alloc(run - HEADER).or_else(|| heap.alloc(size - HEADER))?;
        self.next = fresh.block;
        self.end = fresh.block + fresh.usable + HEADER;
        self.reload();
        Some(self.cut(size))
    }

    /// Makes the run as the heap would have it, which is about to look at it. `reload` comes next.
    pub fn settle(&mut self, heap: &mut Heap<Linux>) {
        if self.next != self.end {
            // SAFETY: the rest of the run.
            unsafe { pieces::set_header(self.next, self.end - self.next, self.prev_in_use) };
        }
        heap.count_pieces(self.uncounted);
        self.uncounted = 0;
    }

    /// The heap may have freed the block before what is left of the run.
    pub fn reload(&mut self) {
        if self.next != self.end {
            // SAFETY: the rest of the run, which is settled.
            self.prev_in_use = unsafe { pieces::prev_in_use(self.next) };
        }
    }

    /// Gives what is left of the run, which is settled, to the heap.
    fn end_run(&mut self, heap: &mut Heap<Linux>) {
        if self.next != self.end {
            heap.free_own(self.next);
        }
        self.next = 0;
        self.end = 0;
    }

    /// Puts a block in.
    ///
    /// # Safety
    /// A block in use of this heap, of `size` bytes below `SMALL`, which its owner gives up.
    #[inline]
    pub unsafe fn put(&mut self, address: usize, size: usize) {
        let head = &mut self.quick[size / GRAIN % LISTS];
        // SAFETY: the caller's promise.
        unsafe { waiting::set(address, *head) };
        *head = address;
    }

    /// Gives all back to the heap.
    pub fn flush(&mut self, heap: &mut Heap<Linux>) -> Result<(), Damaged> {
        self.settle(heap);
        self.end_run(heap);
        for index in 0..LISTS {
            while self.quick[index] != 0 {
                let head = self.quick[index];
                // SAFETY: a block of ours, which nobody has.
                self.quick[index] = unsafe { waiting::next(head) }.ok_or(Damaged(head))?;
                heap.free(head).map_err(|_| Damaged(head))?;
            }
        }
        Ok(())
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Whether an address is the run's rest.
    pub fn is_rest(&self, address: usize) -> bool {
        self.next != self.end && address == self.next
    }

    /// Whether each list is as it should be, of `most` blocks in all at the most; `size_in_use` tells the bytes of a block
    /// in use of the heap. How many bytes the heap has in use and the program has not, and how many blocks these are.
    pub fn check(
        &self,
        most: usize,
        size_in_use: impl Fn(usize) -> Option<usize>,
    ) -> Result<(usize, usize), (&'static str, usize)> {
        let rest = self.end - self.next;
        let (mut bytes, mut count) = (rest, usize::from(rest != 0));
        for (index, &head) in self.quick.iter().enumerate() {
            let mut at = head;
            while at != 0 {
                if count >= most {
                    return Err(("the quick lists hold more blocks than the heap has in use", at));
                }
                if size_in_use(at) != Some(index * GRAIN) {
                    return Err(("a block in a quick list has another size, or is none", at));
                }
                // SAFETY: a block in use of the heap.
                let Some(next) = (unsafe { waiting::next(at) }) else {
                    return Err(("a block in a quick list was written to", at));
                };
                count += 1;
                bytes += index * GRAIN;
                at = next;
            }
        }
        Ok((bytes, count))
    }
}

const _: () = assert!(MIN_BLOCK < SMALL && RUN_FIRST >= SMALL);
