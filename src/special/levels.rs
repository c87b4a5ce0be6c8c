//! A bitmap with summaries: each word of a level says which words of the level below have a bit, so the first bit of
//! many is found in one step a level.
//!
//! ```text
//!     top     1 word
//!       |     each bit: whether that word of the level below is not 0
//!     level 0 the bits
//! ```
//!
//! The words are the caller's, and all zero at the start. `first` costs a load for each level, `set` and `clear`
//! mostly one in all.

#![allow(unsafe_code)]

const WORD: usize = u64::BITS as usize;

/// The most levels, for 2^36 bits.
const HEIGHT_MAX: usize = 6;

/// The most bits of a bitmap.
pub const BITS_MAX: usize = 1 << 36;

/// The bitmap.
pub struct Levels {
    words: *mut u64,
    bits: usize,
    /// How many levels there are, and with which word each begins.
    height: usize,
    starts: [usize; HEIGHT_MAX],
}

/// How many words a bitmap of so many bits takes, summaries included.
pub const fn words_for(bits: usize) -> usize {
    let (mut words, mut level) = (0, bits);
    loop {
        level = level.div_ceil(WORD);
        if level == 0 {
            level = 1;
        }
        words += level;
        if level == 1 {
            return words;
        }
    }
}

impl Levels {
    /// A bitmap of `bits` bits, at most `BITS_MAX`, all zero.
    ///
    /// # Safety
    /// `words_for(bits)` words of the caller's are there, all zero, for as long as the bitmap is used, and nothing
    /// else writes to them.
    pub unsafe fn new(words: *mut u64, bits: usize) -> Self {
        debug_assert!(bits <= BITS_MAX);
        let (mut starts, mut height, mut at, mut level) = ([0; HEIGHT_MAX], 0, 0, bits);
        loop {
            level = level.div_ceil(WORD).max(1);
            starts[height] = at;
            height += 1;
            at += level;
            if level == 1 {
                return Self { words, bits, height, starts };
            }
        }
    }

    #[inline(always)]
    fn word(&self, level: usize, index: usize) -> *mut u64 {
        debug_assert!(level < self.height && self.starts[level] + index < words_for(self.bits));
        // SAFETY: the level has such a word: `index` is what a bit below `bits` comes to on it.
        unsafe { self.words.add(self.starts[level] + index) }
    }

    /// Reads a word.
    #[inline(always)]
    fn load(&self, level: usize, index: usize) -> u64 {
        // SAFETY: see `word`; and see `new`.
        unsafe { *self.word(level, index) }
    }

    /// The bit `index`; false behind the end.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        index < self.bits && self.load(0, index / WORD) >> (index % WORD) & 1 != 0
    }

    /// Sets the bit `index`, which there is.
    #[inline]
    pub fn set(&mut self, index: usize) {
        assert!(index < self.bits);
        let mut at = index;
        for level in 0..self.height {
            let word = self.word(level, at / WORD);
            // SAFETY: see `word`; and see `new`.
            let old = unsafe { *word };
            // SAFETY: the same.
            unsafe { *word = old | 1 << (at % WORD) };
            if old != 0 {
                return;
            }
            at /= WORD;
        }
    }

    /// Clears the bit `index`, which there is.
    #[inline]
    pub fn clear(&mut self, index: usize) {
        assert!(index < self.bits);
        let mut at = index;
        for level in 0..self.height {
            let word = self.word(level, at / WORD);
            // SAFETY: see `word`; and see `new`.
            let new = unsafe { *word } & !(1 << (at % WORD));
            // SAFETY: the same.
            unsafe { *word = new };
            if new != 0 {
                return;
            }
            at /= WORD;
        }
    }

    /// The first bit that is set.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        let mut at = 0;
        for level in (0..self.height).rev() {
            let word = self.load(level, at);
            // Only the top's can be 0.
            if word == 0 {
                return None;
            }
            at = at * WORD + word.trailing_zeros() as usize;
        }
        Some(at)
    }

    /// Whether no bit is set.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.load(self.height - 1, 0) == 0
    }

    /// The words that it was made of.
    pub fn words(&self) -> *mut u64 {
        self.words
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        (0..self.bits.div_ceil(WORD)).map(|index| self.load(0, index).count_ones() as usize).sum()
    }

    /// Makes room for a bit at `index`, which is clear: those from there on move up by one. The last one is clear.
    pub fn insert(&mut self, index: usize) {
        debug_assert!(index < self.bits && !self.get(self.bits - 1));
        let mut carry = 0;
        for at in index / WORD..self.bits.div_ceil(WORD) {
            let kept = if at == index / WORD { (1 << (index % WORD)) - 1 } else { 0 };
            let old = self.load(0, at);
            let new = (old & kept) | (old & !kept) << 1 | carry;
            carry = old >> (WORD - 1);
            // SAFETY: see `word`; and see `new`.
            unsafe { *self.word(0, at) = new };
        }
        self.summarise();
    }

    /// Takes the bit at `index` out: those behind it move down by one.
    pub fn remove(&mut self, index: usize) {
        debug_assert!(index < self.bits);
        let last = self.bits.div_ceil(WORD) - 1;
        for at in index / WORD..=last {
            let kept = if at == index / WORD { (1 << (index % WORD)) - 1 } else { 0 };
            let behind = if at == last { 0 } else { self.load(0, at + 1) };
            let old = self.load(0, at);
            let new = (old & kept) | (old >> 1 & !kept) | behind << (WORD - 1);
            // SAFETY: see `word`; and see `new`.
            unsafe { *self.word(0, at) = new };
        }
        self.summarise();
    }

    /// Makes the summaries say what the bits say.
    fn summarise(&mut self) {
        let mut below = self.bits.div_ceil(WORD).max(1);
        for level in 1..self.height {
            for index in 0..below.div_ceil(WORD) {
                let end = (index * WORD + WORD).min(below);
                let bits = (index * WORD..end).map(|at| u64::from(self.load(level - 1, at) != 0) << (at % WORD));
                let word = bits.fold(0, |word, bit| word | bit);
                // SAFETY: see `word`; and see `new`.
                unsafe { *self.word(level, index) = word };
            }
            below = below.div_ceil(WORD);
        }
    }

    /// Whether every summary says what is below it.
    pub fn is_sound(&self) -> bool {
        let mut below = self.bits.div_ceil(WORD).max(1);
        (1..self.height).all(|level| {
            let sound = (0..below).all(|at| {
                let says = self.load(level, at / WORD) >> (at % WORD) & 1 != 0;
                says == (self.load(level - 1, at) != 0)
            });
            below = below.div_ceil(WORD);
            sound
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn holds(bits: usize, steps: &[(usize, u8)]) {
        let mut words = vec![0u64; words_for(bits)];
        // SAFETY: the words are there and zero.
        let mut levels = unsafe { Levels::new(words.as_mut_ptr(), bits) };
        let mut model = vec![false; bits];
        for &(at, step) in steps {
            let at = at % bits;
            match step % 4 {
                0 => (levels.set(at), model[at] = true).0,
                1 => (levels.clear(at), model[at] = false).0,
                2 if !model[bits - 1] => {
                    levels.insert(at);
                    model.pop();
                    model.insert(at, false);
                }
                3 => {
                    levels.remove(at);
                    model.remove(at);
                    model.push(false);
                }
                _ => {}
            }
            assert_eq!(levels.first(), model.iter().position(|&bit| bit));
            assert!(levels.is_sound());
        }
        assert_eq!(levels.count(), model.iter().filter(|&&bit| bit).count());
        assert!(model.iter().enumerate().all(|(at, &bit)| levels.get(at) == bit) && !levels.get(bits));
    }

    proptest! {
        #[test]
        fn agree_with_a_row_of_booleans(bits in 1usize..300, steps in proptest::collection::vec((0usize..300, any::<u8>()), 1..100)) {
            holds(bits, &steps);
        }

        #[test]
        fn agree_at_three_levels(bits in 4090usize..9000, steps in proptest::collection::vec((0usize..9000, any::<u8>()), 1..20)) {
            holds(bits, &steps);
        }
    }

    #[test]
    fn the_words_are_counted() {
        assert_eq!([0, 1, 64, 65, 4096, 4097].map(words_for), [1, 1, 1, 3, 65, 65 + 1 + 2]);
    }
}
