//! Bitmaps in atomic words. A lock guards the writes, and any thread may read meanwhile.

use super::arch::with_bit;
use super::shared::AtomicU64;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

const WORD: usize = u64::BITS as usize;

/// The word with the bit `index` modulo 64 added; `None` if the bit is set already.
#[inline(always)]
pub fn with(bits: u64, index: usize) -> Option<u64> {
    if bits >> (index % WORD) & 1 != 0 { None } else { Some(with_bit(bits, index)) }
}

/// A bitmap.
#[derive(Clone, Copy)]
pub struct Bits<'a>(pub &'a [AtomicU64]);

impl Bits<'_> {
    /// The number of bits.
    fn len(self) -> usize {
        self.0.len() * WORD
    }

    /// The bit `index`; false past the end.
    #[inline]
    pub fn get(self, index: usize) -> bool {
        self.0.get(index / WORD).is_some_and(|word| word.load(Relaxed) >> (index % WORD) & 1 != 0)
    }

    /// Sets the bit `index`, which must exist.
    pub fn set(self, index: usize) {
        let word = &self.0[index / WORD];
        word.store(word.load(Relaxed) | 1 << (index % WORD), Relaxed);
    }

    /// The number of set bits.
    pub fn count(self) -> usize {
        self.0.iter().map(|word| word.load(Relaxed).count_ones() as usize).sum()
    }

    /// The first index from `from` on whose bit is `wanted`, or the length if there is none.
    #[inline]
    pub fn next(self, from: usize, wanted: bool) -> usize {
        let mut mask = u64::MAX << (from % WORD);
        for (index, word) in self.0.iter().enumerate().skip(from / WORD) {
            let bits = word.load(Relaxed);
            let found = if wanted { bits } else { !bits } & mask;
            if found != 0 {
                return index * WORD + found.trailing_zeros() as usize;
            }
            mask = u64::MAX;
        }
        self.len()
    }

    /// The last index before `end` whose bit is `wanted`.
    pub fn last(self, end: usize, wanted: bool) -> Option<usize> {
        let mut mask = u64::MAX >> (WORD - 1 - end.checked_sub(1)? % WORD);
        for (index, word) in self.0.iter().enumerate().take(end.div_ceil(WORD)).rev() {
            let bits = word.load(Relaxed);
            let found = if wanted { bits } else { !bits } & mask;
            if found != 0 {
                return Some(index * WORD + found.ilog2() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    /// The lowest index from `from` on where `len` set bits start.
    pub fn find_run(self, from: usize, len: usize) -> Option<usize> {
        if len <= WORD { self.find_short_run(from, len) } else { self.find_long_run(from, len) }
    }

    fn find_short_run(self, from: usize, len: usize) -> Option<usize> {
        let mut mask = u64::MAX << (from % WORD);
        for (index, word) in self.0.iter().enumerate().skip(from / WORD) {
            let bits = word.load(Relaxed) & mask;
            mask = u64::MAX;
            if bits == 0 {
                continue;
            }
            let behind = self.0.get(index + 1).map_or(0, |word| word.load(Relaxed));
            // Bit i of `starts`: whether `known` set bits start at i.
            let mut starts = u128::from(bits) | u128::from(behind) << WORD;
            let mut known = 1;
            while known < len {
                let more = known.min(len - known);
                starts &= starts >> more;
                known += more;
            }
            #[expect(clippy::cast_possible_truncation, reason = "the word itself")]
            let found = starts as u64;
            if found != 0 {
                return Some(index * WORD + found.trailing_zeros() as usize);
            }
        }
        None
    }

    fn find_long_run(self, from: usize, len: usize) -> Option<usize> {
        // `start`: the beginning of the run of set bits that reaches up to the current word.
        let (mut start, mut mask) = (from, u64::MAX << (from % WORD));
        for (index, word) in self.0.iter().enumerate().skip(from / WORD) {
            let cleared = !word.load(Relaxed) & mask;
            let end = if cleared == 0 { WORD } else { cleared.trailing_zeros() as usize } + index * WORD;
            if start + len <= end {
                return Some(start);
            }
            if cleared != 0 {
                // Runs inside one word are too short.
                start = index * WORD + cleared.ilog2() as usize + 1;
            }
            mask = u64::MAX;
        }
        None
    }

    /// The runs of set bits before `end`, lowest first.
    pub fn runs(self, end: usize) -> impl Iterator<Item = Range<usize>> {
        let mut at = 0;
        core::iter::from_fn(move || {
            let first = self.next(at, true);
            at = self.next(first, false).min(end);
            (first < end).then_some(first..at)
        })
    }

    /// Sets all bits of a range, which is not empty, to `value`.
    pub fn fill(self, range: Range<usize>, value: bool) {
        let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
        let mut mask = u64::MAX << (range.start % WORD);
        for (index, word) in (first..).zip(&self.0[first..=last]) {
            if index == last {
                mask &= u64::MAX >> (WORD - 1 - (range.end - 1) % WORD);
            }
            let bits = word.load(Relaxed);
            word.store(if value { bits | mask } else { bits & !mask }, Relaxed);
            mask = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_row_of_booleans(ranges in proptest::collection::vec((0usize..256, 1usize..100, any::<bool>()), 1..40)) {
            let words = [const { AtomicU64::new(0) }; 4];
            let bits = Bits(&words);
            let mut row = [false; 256];
            for (start, len, value) in ranges {
                let end = (start + len).min(256);
                bits.fill(start..end, value);
                row[start..end].fill(value);
            }
            prop_assert_eq!(bits.count(), row.iter().filter(|&&bit| bit).count());
            for at in (0..256).step_by(if cfg!(miri) { 37 } else { 1 }) {
                prop_assert_eq!(bits.get(at), row[at]);
                for wanted in [false, true] {
                    let next = (at..256).find(|&index| row[index] == wanted).unwrap_or(256);
                    prop_assert_eq!(bits.next(at, wanted), next);
                    prop_assert_eq!(bits.last(at, wanted), (0..at).rev().find(|&index| row[index] == wanted));
                }
                for len in [1, 2, 3, 5, 8, 24, 63, 64, 65, 72, 96, 128, 130] {
                    let first = (at..(257 - len).max(at)).find(|&start| row[start..start + len].iter().all(|&bit| bit));
                    prop_assert_eq!(bits.find_run(at, len), first, "{} {}", at, len);
                }
            }
            prop_assert_eq!((bits.next(256, true), bits.get(256)), (256, false));
            let mut again = [false; 256];
            let mut end = 0;
            for run in bits.runs(200) {
                prop_assert!(!run.is_empty() && (end == 0 || run.start > end));
                end = run.end;
                again[run].fill(true);
            }
            prop_assert_eq!(&again[..200], &row[..200]);
        }
    }
}
