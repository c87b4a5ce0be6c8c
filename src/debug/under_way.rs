//! Counts of calls whose work other threads must not take for damage, or must wait for.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicUsize};

/// How many calls are at work on a trailer. A block without one may be theirs.
pub(super) static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// How many calls are giving a mapping back.
pub(super) static GIVING: AtomicUsize = AtomicUsize::new(0);

/// Set while blocks in use are looked at. Mappings are not given back then, as the thread that
/// looks has no lock that would keep them.
pub(super) static KEEPING: AtomicBool = AtomicBool::new(false);

/// Called in a forked child: other threads that were at work are not there.
pub fn adopt() {
    AT_WORK.store(0, Relaxed);
    GIVING.store(0, Relaxed);
    KEEPING.store(false, Relaxed);
}
