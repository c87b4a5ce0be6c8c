//! How a compartment is to be.

use crate::base::align;
use crate::base::config::{BLOCK_MAX, UNIT};
use crate::heap::free_list::Fit;

/// How a compartment is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Which free block serves a request.
    pub fit: Fit,
    /// The most bytes in use; `usize::MAX` for no limit.
    pub limit: usize,
    /// Whether one thread alone uses it.
    pub single: bool,
    /// What reports call it.
    pub name: &'a [u8],
    /// Whether each block knows how many bytes were asked for: see `exact`.
    pub exact: bool,
    /// Whether untouchable units stand around each of its ranges.
    pub fenced: bool,
    /// Where its memory comes from.
    pub memory: Memory,
    /// Whether it is metes' own, and no program knows it.
    pub internal: bool,
}

impl Options<'_> {
    /// A shared one without a name and a limit.
    pub const DEFAULT: Self = Self {
        fit: Fit::Best,
        limit: usize::MAX,
        single: false,
        name: &[],
        exact: false,
        fenced: false,
        memory: Memory::Growing,
        internal: false,
    };
}

/// Where a compartment's memory comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// From ranges, as many as it needs.
    Growing,
    /// From a single range of so many bytes, whole units, which it gets at once.
    Range(usize),
    /// From the caller: this address, and so many bytes, whole units that are in no heap.
    Given(usize, usize),
}

impl Memory {
    /// For a heap that is to have `bytes` at once, as it asks for: any number of ranges for 0, and `None` if no range is
    /// so large.
    pub fn reserved(bytes: usize) -> Option<Self> {
        match bytes {
            0 => Some(Self::Growing),
            1..=BLOCK_MAX => Some(Self::Range(align::up(bytes, UNIT))),
            _ => None,
        }
    }
}
