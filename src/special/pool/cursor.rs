//! The way through a pool's objects.

#![allow(unsafe_code)]

use super::hot::{Hot, NO_WORD, Object, PLACE_BITS, WORD};
use super::slab;
use core::ptr::NonNull;

/// The way through the objects that are out, in the order of their addresses. Between two steps anything may happen
/// to the pool.
pub struct Cursor {
    /// Those of the word that have not been visited.
    bits: u64,
    base: usize,
    number: usize,
    word: *mut u64,
    /// Of the slab, and of its next word.
    rank: usize,
    index: usize,
    epoch: usize,
    /// The address behind the object that was visited last.
    behind: usize,
}

impl Cursor {
    /// Before the first.
    pub fn new(hot: &Hot) -> Self {
        let word = (&raw const NO_WORD).cast_mut();
        Self { bits: 0, base: 0, number: 0, word, rank: 0, index: 0, epoch: hot.epoch, behind: 0 }
    }

    /// The next one.
    #[inline]
    pub fn next(&mut self, hot: &Hot) -> Option<Object> {
        if self.epoch != hot.epoch {
            self.find_again(hot);
        }
        loop {
            while self.bits == 0 {
                self.next_word(hot)?;
            }
            let index = self.bits.trailing_zeros() as usize;
            self.bits &= self.bits - 1;
            // SAFETY: no slab has gone.
            let is_free = unsafe { *self.word } >> index & 1 != 0;
            let address = self.base + index * hot.shape.stride;
            if !is_free && address != hot.hand() {
                self.behind = address + 1;
                let address = NonNull::new(crate::base::pointer::at_mut(address))?;
                return Some(Object { address, number: self.number + index });
            }
        }
    }

    fn next_word(&mut self, hot: &Hot) -> Option<()> {
        if self.index == hot.shape.words() {
            (self.rank, self.index) = (self.rank + 1, 0);
        }
        if self.rank == hot.directory.len() {
            return None;
        }
        let slab = hot.directory.at(self.rank);
        // SAFETY: the slabs of a directory are there, and have the words of the shape.
        unsafe {
            let record = slab.as_ref();
            self.base = record.start + self.index * WORD * hot.shape.stride;
            self.number = (record.id << PLACE_BITS) + self.index * WORD;
            self.word = slab::word(slab, self.index);
            self.bits = !*self.word & hot.shape.valid(self.index);
        }
        self.index += 1;
        Some(())
    }

    /// A slab has come or gone: goes on behind the object that was visited last.
    #[cold]
    fn find_again(&mut self, hot: &Hot) {
        self.epoch = hot.epoch;
        (self.bits, self.rank, self.index) = (0, 0, 0);
        // Nothing was visited yet.
        if self.behind == 0 {
            return;
        }
        // The last slab that starts at most there, or the one behind it.
        let above = hot.directory.rank_of(self.behind);
        let Some(rank) = above.checked_sub(1) else { return };
        // SAFETY: the slabs of a directory are there.
        let offset = self.behind - unsafe { hot.directory.at(rank).as_ref() }.start;
        let visited = offset.div_ceil(hot.shape.stride);
        if visited >= hot.shape.objects {
            self.rank = above;
            return;
        }
        (self.rank, self.index) = (rank, visited / WORD);
        if self.next_word(hot).is_some() {
            self.bits &= u64::MAX << (visited % WORD);
        }
    }
}
