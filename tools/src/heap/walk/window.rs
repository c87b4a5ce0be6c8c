//! Words of a process that are read in ascending order: one read for many where they stand close together.

use crate::heap::source::Source;
use crate::process::page_size;

/// Bytes that are read where the next word is expected to be far away.
const ALONE: u64 = 256;
/// No window is larger.
const LARGEST: usize = 1 << 20;

/// A part of a segment that was copied.
pub struct Window<'a> {
    source: &'a Source<'a>,
    start: u64,
    bytes: Vec<u8>,
    /// The address after the segment.
    end: u64,
    page: u64,
    /// How much the next one has.
    ahead: usize,
}

impl<'a> Window<'a> {
    /// Nothing yet of a segment that ends at `end`.
    pub fn new(source: &'a Source<'a>, end: u64) -> Self {
        Self { source, start: 0, bytes: Vec::new(), end, page: page_size(), ahead: 0 }
    }

    /// The word at an address, as it was when the window was read.
    pub fn word(&mut self, address: u64) -> Option<u64> {
        if let Some(word) = self.known(address) {
            return Some(word);
        }
        let behind = self.start + self.bytes.len() as u64;
        // Words that follow each other closely: more at once.
        let is_near = !self.bytes.is_empty() && address >= behind && address - behind < self.page;
        self.ahead = if is_near { (self.ahead * 2).clamp(1, LARGEST) } else { 0 };
        let page_end = (address + 1).next_multiple_of(self.page);
        let alone = page_end.min(address + ALONE);
        let end = if is_near { page_end + self.ahead as u64 } else { alone }.min(self.end.max(address + 8));
        if is_near && self.ahead < self.page as usize {
            self.ahead = self.page as usize;
        }
        self.start = address;
        self.bytes.resize((end - address) as usize, 0);
        if !self.source.read_untouched(address, &mut self.bytes) {
            self.bytes.clear();
            return self.source.word(address);
        }
        self.known(address)
    }

    /// The word as it is now.
    pub fn word_now(&mut self, address: u64) -> Option<u64> {
        self.bytes.clear();
        self.source.word(address)
    }

    fn known(&self, address: u64) -> Option<u64> {
        let at = address.checked_sub(self.start)? as usize;
        self.bytes.get(at..at + 8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
    }
}
