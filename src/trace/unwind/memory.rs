//! Reading a stack. Of the words that a walk follows only one thing is known: a frame should be there.
//!
//! A word is read only if its page was readable when the kernel was asked. Readable pages are remembered by address.
//! A walk relies on this only for the page after the one that it has read last, and only while all frames were found
//! by rules. That page is of the same stack, which exists as long as its thread. Far frames, frames found by a guess,
//! and code may lie where something has been unmapped since: the kernel is asked again. A caller that cannot risk
//! that another thread unmaps a page at that moment reads with `Care::Careful`. The kernel then copies each word.

#![allow(unsafe_code)]

use super::log::Log;
use crate::base::pointer;
use crate::sys::probe;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// The smallest page size there is. A larger page is asked about in several pieces.
const PAGE: usize = 4096;
const PAGES: usize = 512;

/// Pages that were readable. A page's number gives its place.
static READABLE: [AtomicUsize; PAGES] = [const { AtomicUsize::new(0) }; PAGES];

/// How words are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// By a load, if the page can be read.
    Fast,
    /// By the kernel, word by word.
    Careful,
}

/// A reader of words.
pub struct Memory<'log> {
    care: Care,
    /// Whether this is the thread's stack for sure.
    is_sure: bool,
    /// The page that was read last.
    page: usize,
    /// Where words are kept that are read.
    log: Option<&'log Log>,
}

impl<'log> Memory<'log> {
    /// A reader.
    pub fn new(care: Care) -> Self {
        Self { care, is_sure: true, page: usize::MAX, log: None }
    }

    /// A reader that takes one page for readable: that of the frame it runs in.
    #[inline]
    pub fn from(care: Care, sp: usize) -> Self {
        Self { care, is_sure: true, page: page(sp), log: None }
    }

    /// Keeps the words that are read from here on.
    pub fn keeping(self, log: &'log Log) -> Self {
        Self { log: Some(log), ..self }
    }

    /// The word at an address.
    #[inline]
    pub fn word(&mut self, address: usize) -> Option<usize> {
        let word = self.look(address)?;
        self.keep(address, word);
        Some(word)
    }

    /// Keeps a word that `look` has returned.
    #[inline]
    pub fn keep(&self, address: usize, word: usize) {
        if let Some(log) = self.log {
            log.add(address, word);
        }
    }

    /// The word at an address, which is not kept: the walk may not depend on it.
    #[inline]
    pub fn look(&mut self, address: usize) -> Option<usize> {
        if !address.is_multiple_of(size_of::<usize>()) {
            return None;
        }
        if self.care == Care::Careful {
            return careful(address);
        }
        let page = page(address);
        if page != self.page {
            let is_next = self.is_sure && page.wrapping_sub(PAGE) == self.page;
            ((is_next && is_remembered(page)) || is_readable(page)).then_some(())?;
            self.page = page;
        }
        Some(load(address))
    }

    /// A frame was found by a guess: from here on the reader does not rely on what was remembered.
    #[cold]
    pub fn doubt(&mut self) {
        self.is_sure = false;
        self.spoil();
    }

    /// The walk depends on more than the words.
    #[cold]
    pub fn spoil(&self) {
        if let Some(log) = self.log {
            log.spoil();
        }
    }
}

/// The eight bytes before an address, where code may be. Code may start at the start of its page: then
/// bytes on the page before that cannot be read are given as zeros.
pub fn bytes_before(address: usize) -> Option<[u8; BYTES]> {
    let start = address.checked_sub(BYTES)?;
    let last = page(address - 1);
    let from = if page(start) == last || is_readable(page(start)) { start } else { last };
    if !is_readable(last) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (place, at) in bytes.iter_mut().zip(start..).skip(from - start) {
        // SAFETY: the kernel says that its page can be read. Volatile: another thread may be writing this code.
        *place = unsafe { pointer::at::<u8>(at).read_volatile() };
    }
    Some(bytes)
}

/// How many bytes show whether a call stands before an address.
pub const BYTES: usize = 8;

#[inline]
fn is_remembered(page: usize) -> bool {
    READABLE[page / PAGE % PAGES].load(Relaxed) == page
}

/// Asks the kernel whether a page can be read. The first page never can.
#[cold]
fn is_readable(page: usize) -> bool {
    let readable = page >= PAGE && probe::is_readable(page);
    if readable {
        READABLE[page / PAGE % PAGES].store(page, Relaxed);
    }
    readable
}

#[inline]
fn page(address: usize) -> usize {
    address & !(PAGE - 1)
}

#[inline]
fn load(address: usize) -> usize {
    // SAFETY: aligned, and readable as far as can be told. Volatile: it is another function's frame.
    unsafe { pointer::at::<usize>(address).read_volatile() }
}

#[cold]
fn careful(address: usize) -> Option<usize> {
    let mut bytes = [0; size_of::<usize>()];
    if probe::peek(address, &mut bytes) == bytes.len() {
        return Some(usize::from_ne_bytes(bytes));
    }
    // A sandbox may refuse that call.
    probe::is_readable(address).then(|| load(address))
}
