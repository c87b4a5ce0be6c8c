//! How many bytes the library has mapped, and how many it may.

use crate::base::read_only::{self, Word};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes mapped and not unmapped, and the most there may be.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
const LIMIT: Word = Word::new(read_only::LIMIT, usize::MAX);

/// Sets how many bytes of address space may be mapped, at the start. Address space that is only reserved does not count.
pub fn set(bytes: usize) {
    LIMIT.set(bytes);
}

/// Bytes mapped and not unmapped.
pub fn mapped() -> usize {
    MAPPED.load(Ordering::Relaxed)
}

/// The most bytes that may be mapped.
pub fn get() -> usize {
    LIMIT.get()
}

/// Counts bytes before they are mapped, unless they are more than the limit allows.
pub fn count_in(len: usize) -> Option<()> {
    let limit = LIMIT.get();
    let sum = |mapped: usize| mapped.checked_add(len).filter(|&sum| sum <= limit);
    MAPPED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok().map(|_| ())
}

/// Counts bytes that were unmapped.
pub fn count_out(len: usize) {
    MAPPED.fetch_sub(len, Ordering::Relaxed);
}

/// The word that ThreadSanitizer is told of where memory comes and goes.
pub fn place() -> &'static AtomicUsize {
    &MAPPED
}
