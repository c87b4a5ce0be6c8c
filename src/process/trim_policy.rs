//! When a heap gives freed memory back.

use super::options::{self, Purge};
use crate::base::shared::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

/// Freed bytes in an arena that are worth a helper, once the program has had one. Also: bytes in
/// the caches of busy threads that are worth another look by it.
pub const WORTH: usize = 1 << 20;

/// Whether helpers run in this process.
static WORKS: AtomicBool = AtomicBool::new(false);

/// Notes whether helpers run in this process. Returns whether that was known already.
pub(super) fn set_helped(yes: bool) -> bool {
    WORKS.swap(yes, Relaxed) == yes
}

/// The freed bytes from which on a heap asks to be trimmed, and the milliseconds after which it trims itself.
pub fn thresholds() -> (usize, u64) {
    match (options::trim_threshold(), options::purge()) {
        (usize::MAX, _) | (_, Purge::Off) => (usize::MAX, u64::MAX),
        (bytes, Purge::Eager) => (bytes, 0),
        (bytes, Purge::Lazy) if WORKS.load(Relaxed) => (bytes.min(WORTH), u64::MAX),
        (bytes, Purge::Lazy) => (bytes, options::decay() as u64),
    }
}
