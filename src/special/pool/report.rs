//! What is said of a pointer that is no object of a pool's, and the pool's own validator.

#![allow(unsafe_code)]

use super::hot::{Hot, Wrong};
use super::slab;
use crate::base::code::Code;
use crate::report::foreign;
use crate::trace::report;
use core::ffi::CStr;

/// Says what is wrong with an address that was freed into a pool of objects of `bytes` bytes; aborts, unless the
/// options say otherwise.
#[cold]
#[inline(never)]
pub fn refuse_free(address: usize, wrong: Wrong, bytes: usize) {
    let found = |code, what: core::fmt::Arguments<'_>| {
        report::found(code, address, format_args!("metes_pool_free({address:#x}): {what}"), &|_| {});
    };
    match wrong {
        Wrong::Free => found(Code::DoubleFree, format_args!("this object of {bytes} bytes is free already")),
        Wrong::Inside(start) => {
            let offset = address - start;
            found(Code::InteriorPointer, format_args!("{offset} bytes into the object of {bytes} bytes at {start:#x}"));
        }
        Wrong::Behind => {
            found(Code::InteriorPointer, format_args!("no object starts here, behind the last of its slab"));
        }
        Wrong::Foreign => {
            let place = foreign::describe(address);
            found(Code::ForeignPointer, format_args!("not from this pool; it is {}", place.as_str()));
        }
    }
}

impl Hot {
    /// Which invariant is broken, if one is, of a pool that may have `limit` objects out.
    pub fn check(&self, limit: usize) -> Result<(), &'static CStr> {
        self.directory.check()?;
        let (mut free, mut lowest) = (0, usize::MAX);
        for rank in 0..self.directory.len() {
            let found = self.check_slab(rank)?;
            free += found.0;
            lowest = lowest.min(found.1);
        }
        if self.hand() != 0 {
            free += 1;
            if self.hand() > lowest || self.is_out(self.hand()) {
                return Err(c"pool: the object in the hand is not the lowest free one");
            }
        }
        if self.directory.len() * self.shape.objects - free != limit - self.left() {
            return Err(c"pool: the count of objects that are out is wrong");
        }
        // Nobody but the calls in between is to see a current word without a free object.
        let span = 64 * self.shape.stride;
        if lowest < self.base() || lowest - self.base() >= span && lowest != usize::MAX {
            return Err(c"pool: the current word has not the lowest free object");
        }
        Ok(())
    }

    /// How many objects of a slab are free, and where the lowest is.
    fn check_slab(&self, rank: usize) -> Result<(usize, usize), &'static CStr> {
        let slab = self.directory.at(rank);
        // SAFETY: the slabs of a directory are there.
        let (start, summary) = unsafe { (slab.as_ref().start, slab.as_ref().summary) };
        let (mut free, mut lowest) = (0, usize::MAX);
        for index in 0..self.shape.words() {
            // SAFETY: the slabs of a directory are there, and have the words of the shape.
            let word = unsafe { *slab::word(slab, index) };
            if word & !self.shape.valid(index) != 0 {
                return Err(c"pool: a bit stands for no object");
            }
            if (word != 0) != (summary >> index & 1 != 0) {
                return Err(c"pool: a slab's summary is wrong about a word");
            }
            if word != 0 && lowest == usize::MAX {
                lowest = start + (index * 64 + word.trailing_zeros() as usize) * self.shape.stride;
            }
            free += word.count_ones() as usize;
        }
        if (free != 0) != self.directory.has_room(rank) {
            return Err(c"pool: the directory is wrong about whether a slab has room");
        }
        Ok((free, lowest))
    }
}
