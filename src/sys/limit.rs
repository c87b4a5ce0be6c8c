//! How many bytes the library has mapped, and how many it may map.

use crate::base::read_only::{self, Word};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes mapped and not unmapped, and their limit.
pub static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// The word of the limit.
pub const LIMIT: Word = Word::new(read_only::LIMIT, usize::MAX);

/// Sets the limit of mapped bytes, at the start. Address space that is only reserved does not count.
pub fn set(bytes: usize) {
    LIMIT.set(bytes);
}

/// Bytes mapped and not unmapped.
pub fn mapped() -> usize {
    MAPPED.load(Ordering::Relaxed)
}

/// Counts bytes before they are mapped. `None` if they exceed the limit; then they are not counted.
pub fn count_in(len: usize) -> Option<()> {
    let limit = LIMIT.get();
    let sum = |mapped: usize| mapped.checked_add(len).filter(|&sum| sum <= limit);
    MAPPED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok().map(|_| ())
}

/// Counts bytes that were unmapped.
pub fn count_out(len: usize) {
    MAPPED.fetch_sub(len, Ordering::Relaxed);
}

/// The place by which `sanitizer` orders the unmapping of memory before its next mapping.
pub fn place() -> &'static AtomicUsize {
    &MAPPED
}
