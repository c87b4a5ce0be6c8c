//! The words that a walk over a stack depends on.

use core::cell::Cell;

/// The most words of a walk that are kept: two for each frame.
const WORDS: usize = 62;

/// The words that a walk depends on, and where they stand: at 0 the frame pointer that it began with.
pub struct Log {
    len: Cell<usize>,
    words: [Cell<(usize, usize)>; WORDS],
}

impl Log {
    /// Keeps a word.
    #[inline]
    pub fn add(&self, address: usize, word: usize) {
        let len = self.len.get();
        if let Some(place) = self.words.get(len) {
            place.set((address, word));
        }
        self.len.set(len.saturating_add(1));
    }

    /// What was read is not all that the walk depends on.
    pub fn spoil(&self) {
        self.len.set(usize::MAX);
    }

    /// Whether the walk depends on these words alone.
    pub fn is_whole(&self) -> bool {
        (1..=WORDS).contains(&self.len.get())
    }

    /// The words: where they stand, and what they were.
    pub fn words(&self) -> impl Iterator<Item = (usize, usize)> {
        self.words[..self.len.get().min(WORDS)].iter().map(Cell::get)
    }

    /// Forgets all.
    pub fn begin(&self) {
        self.len.set(0);
    }
}
