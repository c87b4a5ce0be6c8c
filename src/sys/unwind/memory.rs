//! Reading a stack: of words on the way down nothing is known but that a frame should be there.
//!
//! A word is read only where its page was readable when the kernel was asked. Pages that were are remembered, by address: a stack's pages come
//! and go with the stack, so one that has gone since would have to be followed by a frame that is none for a read to go wrong. Who cannot
//! afford that reads `Carefully`: then the kernel copies each word.

#![allow(unsafe_code)]

use crate::sys::linux;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The least page there is. Where they are larger, each is asked about in several pieces.
const PAGE: usize = 4096;
const PAGES: usize = 512;

/// Pages that were readable, each where its number says.
static READABLE: [AtomicUsize; PAGES] = [const { AtomicUsize::new(0) }; PAGES];

/// How words are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// By a load, where the page was readable once.
    Fast,
    /// By the kernel, word by word.
    Careful,
}

/// A reader of words.
pub struct Memory {
    care: Care,
    /// The page read from last.
    page: usize,
}

impl Memory {
    /// A reader.
    pub fn new(care: Care) -> Self {
        Self { care, page: usize::MAX }
    }

    /// A reader that knows of one page that it can be read: that of the frame it runs in.
    #[inline]
    pub fn from(care: Care, sp: usize) -> Self {
        Self { care, page: page(sp) }
    }

    /// The word at an address.
    #[inline]
    pub fn word(&mut self, address: usize) -> Option<usize> {
        if !address.is_multiple_of(size_of::<usize>()) {
            return None;
        }
        if self.care == Care::Careful {
            return careful(address);
        }
        if page(address) != self.page {
            self.is_readable(address).then_some(())?;
            self.page = page(address);
        }
        Some(load(address))
    }

    /// The eight bytes before an address.
    pub fn bytes_before(&self, address: usize) -> Option<[u8; 8]> {
        let start = address.checked_sub(8)?;
        let readable = self.is_readable(start) && self.is_readable(address - 1);
        // SAFETY: both pages are readable as far as can be told.
        readable.then(|| unsafe { core::ptr::with_exposed_provenance::<[u8; 8]>(start).read_volatile() })
    }

    /// Whether the byte at an address can be read.
    #[inline]
    fn is_readable(&self, address: usize) -> bool {
        let page = page(address);
        let known = &READABLE[page / PAGE % PAGES];
        if self.care == Care::Fast && known.load(Relaxed) == page && page != 0 {
            return true;
        }
        let readable = address >= PAGE && linux::is_readable(page);
        if readable {
            known.store(page, Relaxed);
        }
        readable
    }
}

#[inline]
fn page(address: usize) -> usize {
    address & !(PAGE - 1)
}

#[inline]
fn load(address: usize) -> usize {
    // SAFETY: aligned, and readable as far as can be told. Volatile: it is another function's frame.
    unsafe { core::ptr::with_exposed_provenance::<usize>(address).read_volatile() }
}

#[cold]
fn careful(address: usize) -> Option<usize> {
    let mut bytes = [0; size_of::<usize>()];
    if linux::peek(address, &mut bytes) == bytes.len() {
        return Some(usize::from_ne_bytes(bytes));
    }
    // A sandbox may refuse that call.
    linux::is_readable(address).then(|| load(address))
}
