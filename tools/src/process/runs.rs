//! Pages of a process that follow each other.

use serde::{Deserialize, Serialize};

/// Pages that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The first address.
    pub start: u64,
    /// The address after the last page.
    pub end: u64,
    /// Whether they are huge.
    pub huge: bool,
    /// Whether they are in swap, and not resident.
    pub swapped: bool,
    /// How many bytes of the runs before are resident.
    pub(super) before: u64,
}

impl Run {
    /// A run.
    pub fn new(start: u64, end: u64, huge: bool, swapped: bool) -> Self {
        Self { start, end, huge, swapped, before: 0 }
    }

    /// Its resident bytes.
    pub fn resident(&self) -> u64 {
        if self.swapped { 0 } else { self.end - self.start }
    }
}
