//! When a heap gives freed memory back.

use super::options::{self, Purge};
use crate::base::shared::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

/// Freed bytes in an arena that are worth a helper, once the program has had one; and bytes in the caches of threads at work that are worth another look
/// of it.
pub const WORTH: usize = 1 << 20;

/// Whether helpers work here.
static WORKS: AtomicBool = AtomicBool::new(false);

/// Says whether helpers work here; whether that was known.
pub(super) fn set_helped(yes: bool) -> bool {
    WORKS.swap(yes, Relaxed) == yes
}

/// From how many freed bytes on a heap calls for being trimmed, and after how many milliseconds it does so itself.
pub fn thresholds() -> (usize, u64) {
    match (options::trim_threshold(), options::purge()) {
        (usize::MAX, _) | (_, Purge::Off) => (usize::MAX, u64::MAX),
        (bytes, Purge::Eager) => (bytes, 0),
        (bytes, Purge::Lazy) if WORKS.load(Relaxed) => (bytes.min(WORTH), u64::MAX),
        (bytes, Purge::Lazy) => (bytes, options::decay() as u64),
    }
}
