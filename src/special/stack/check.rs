//! What a stack holds, and whether it is whole.

use super::{End, FIRST, MAGIC, Raw, WORD};
use crate::special::quiet::Quiet;
use core::ffi::CStr;

/// What a stack holds, in bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Bytes for blocks in all.
    pub bytes: usize,
    /// Bytes in use at the low end, words and padding included.
    pub low: usize,
    /// The same at the high end.
    pub high: usize,
    /// Bytes between the ends.
    pub left: usize,
    /// The most that was in use at both ends together.
    pub peak: usize,
}

impl Raw {
    /// What the stack holds.
    pub fn figures(self) -> Figures {
        let control = self.control();
        control.note_peak();
        let bytes = control.top - control.bottom;
        let left = control.high - control.low;
        let (low, high) = (control.low - control.bottom, control.top - control.high);
        Figures { bytes, low, high, left, peak: bytes - control.least_left }
    }

    /// Whether blocks have words: else there is no `pop`.
    #[cfg(test)]
    pub fn has_words(self) -> bool {
        self.control().word != 0
    }

    /// What is wrong with the stack, as a sentence; `None` if nothing is.
    pub fn check(self) -> Option<&'static CStr> {
        let _quiet = Quiet::new();
        let control = self.control();
        if control.magic != MAGIC {
            return Some(c"no stack is there");
        }
        let in_order = control.bottom == self.base() + FIRST
            && control.bottom <= control.low
            && control.low <= control.high
            && control.high <= control.top
            && control.top - control.bottom >= control.least_left
            && (control.word == 0 || control.word == WORD)
            && control.plain_words == (control.plain && control.word != 0);
        if !in_order {
            return Some(c"the control block is damaged");
        }
        for end in if control.word == 0 { &[] } else { &[End::Low, End::High][..] } {
            let mut at = control.at(*end);
            loop {
                match self.last(control, *end, at) {
                    Ok(None) => break,
                    Ok(Some((_, before))) => at = before,
                    Err(_) => return Some(c"a block's word is damaged"),
                }
            }
        }
        None
    }
}
