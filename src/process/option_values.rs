//! Where the values of options are, and those of another process: for the tool, which copies them out of it.

use super::options::{ARENAS, CUTOFF, CUTOFF_FIXED, GUARD_RATE, TRIM_THRESHOLD};
use super::profiling;
use crate::base::read_only::{TEXT, TEXTS, WORDS};
use core::sync::atomic::{AtomicBool, AtomicUsize};

/// The words of the options that can change in a running program.
pub const CHANGING: usize = 5;

/// Where they are.
pub static CHANGING_WORDS: [&AtomicUsize; CHANGING] =
    [&GUARD_RATE, &CUTOFF, &TRIM_THRESHOLD, &ARENAS, &profiling::CONTROL.rate];

/// Says whether the cutoff is fixed.
pub static FIXED: &AtomicBool = &CUTOFF_FIXED;

/// The values of a process.
pub struct Values {
    /// What `base::read_only` has as words.
    pub words: [usize; WORDS],
    /// What it has as texts.
    pub texts: [[u8; TEXT]; TEXTS],
    /// The words of `CHANGING_WORDS`.
    pub changing: [usize; CHANGING],
}

impl Values {
    /// One of the words that can change.
    pub(super) fn changing(&self, word: &AtomicUsize) -> usize {
        let place = CHANGING_WORDS.iter().position(|known| core::ptr::eq(*known, word));
        place.map_or(0, |place| self.changing[place])
    }
}
