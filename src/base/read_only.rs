//! Values that are set at the start and never again: the secret, and the options that do not change
//! while the program runs.
//!
//! ```text
//!     | pad  64 KiB | secret, words, texts | pad  64 KiB |
//!               |<-- whole pages, read-only -->|
//! ```
//!
//! Once the process has started, `sys::mmap::make_read_only` makes the pages read-only. So no write of
//! the program changes what the checks rest on. The pads on both sides keep everything else off these
//! pages, whatever the page size. They are never touched. The area is all zero in the library's file,
//! so a word stores its value xor its default.

use super::config::UNIT;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};

/// How many words there are.
pub const WORDS: usize = 64;
/// How many texts there are.
pub const TEXTS: usize = 5;
/// Bytes of a text, including the zero at its end.
pub const TEXT: usize = 256;

/// The word with the limit of `sys::limit`.
pub const LIMIT: usize = 0;
/// The word with the state of `sys::valgrind`.
pub const VALGRIND: usize = 1;
/// The word that says what happens after a report.
pub const AFTER: usize = 2;
/// The first of the two words of `sys::kept`.
pub const KEPT: usize = 3;
/// The text with the path for reports.
pub const REPORT: usize = 1;
/// The first word of the options, which number their words themselves.
pub const OPTIONS: usize = 8;

/// Aligned so that the secret, the words and the texts cross no page boundary.
#[repr(C, align(2048))]
struct Area {
    before: [u8; UNIT],
    secret: AtomicU64,
    words: [AtomicUsize; WORDS],
    texts: [[AtomicU8; TEXT]; TEXTS],
    after: [u8; UNIT],
}

const _: () = assert!(size_of::<AtomicU64>() + WORDS * size_of::<usize>() + TEXTS * TEXT <= 2048);

static AREA: Area = Area {
    before: [0; UNIT],
    secret: AtomicU64::new(0),
    words: [const { AtomicUsize::new(0) }; WORDS],
    texts: [const { [const { AtomicU8::new(0) }; TEXT] }; TEXTS],
    after: [0; UNIT],
};

/// The pages that hold the secret, the words and the texts.
pub fn pages(page_size: usize) -> Range<usize> {
    let start = (&raw const AREA.secret).addr();
    let end = (&raw const AREA.after).addr();
    start & !(page_size - 1)..(end + page_size - 1) & !(page_size - 1)
}

/// The secret of `base::checksum`.
#[inline(always)]
pub const fn secret() -> &'static AtomicU64 {
    &AREA.secret
}

/// The words, each xor its default.
pub const fn words() -> &'static [AtomicUsize; WORDS] {
    &AREA.words
}

/// The texts, each with a zero behind it.
pub const fn texts() -> &'static [[AtomicU8; TEXT]; TEXTS] {
    &AREA.texts
}

/// A read-only word. Setting it after the start ends the process by a signal.
#[derive(Clone, Copy)]
pub struct Word {
    index: usize,
    default: usize,
}

impl Word {
    /// The word with an index, and its value before it is set.
    pub const fn new(index: usize, default: usize) -> Self {
        assert!(index < WORDS);
        Self { index, default }
    }

    /// The value.
    #[inline(always)]
    pub fn get(self) -> usize {
        AREA.words[self.index].load(Relaxed) ^ self.default
    }

    /// The value before the word is set.
    pub const fn default(self) -> usize {
        self.default
    }

    /// The value among the words of another process.
    pub fn of(self, words: &[usize; WORDS]) -> usize {
        words[self.index] ^ self.default
    }

    /// Which word it is.
    pub const fn index(self) -> usize {
        self.index
    }

    /// The value as a switch.
    #[inline(always)]
    pub fn is_on(self) -> bool {
        self.get() != 0
    }

    /// Sets the value.
    pub fn set(self, value: usize) {
        AREA.words[self.index].store(value ^ self.default, Relaxed);
    }
}

/// A text, for instance a path.
#[derive(Clone, Copy)]
pub struct Text(usize);

impl Text {
    /// The text with an index.
    pub const fn new(index: usize) -> Self {
        assert!(index < TEXTS);
        Self(index)
    }

    /// Whether a text can be set: it is neither empty nor too long.
    pub const fn fits(text: &str) -> bool {
        !text.is_empty() && text.len() < TEXT
    }

    /// Sets the text. False if `text` is empty or too long.
    pub fn set(self, text: &str) -> bool {
        let fits = Self::fits(text);
        if fits {
            AREA.texts[self.0].iter().zip(text.bytes().chain([0])).for_each(|(byte, new)| byte.store(new, Relaxed));
        }
        fits
    }

    /// The text among those of another process.
    pub fn of(self, texts: &[[u8; TEXT]; TEXTS]) -> &[u8] {
        let text = &texts[self.0];
        text.split(|&byte| byte == 0).next().unwrap_or(text)
    }

    /// Which text it is.
    pub const fn index(self) -> usize {
        self.0
    }

    /// Whether the text is empty.
    pub fn is_none(self) -> bool {
        self.bytes().next().is_none()
    }

    /// The bytes of the text.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        AREA.texts[self.0].iter().map(|byte| byte.load(Relaxed)).take_while(|&byte| byte != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_is_on_its_pages_whatever_their_size() {
        let area = (&raw const AREA).addr()..(&raw const AREA).addr() + size_of::<Area>();
        for page_size in [4 << 10, 16 << 10, 64 << 10] {
            let pages = pages(page_size);
            assert!(area.start <= pages.start && pages.end <= area.end, "{page_size}: {pages:x?} of {area:x?}");
            for inside in [(&raw const AREA.secret).addr(), (&raw const AREA.texts).addr() + TEXTS * TEXT - 1] {
                assert!(pages.contains(&inside), "{page_size}: {inside:#x} is not in {pages:x?}");
            }
        }
    }

    #[test]
    fn a_word_says_its_default_until_it_is_set() {
        let slot = Word::new(WORDS - 1, 7);
        assert_eq!(slot.get(), 7);
        slot.set(usize::MAX);
        assert_eq!(slot.get(), usize::MAX);
        slot.set(0);
        assert!(!slot.is_on());
    }
}
