//! Where blocks are checked, the last word of an object that nobody has says so, and is sealed: what writes before the start
//! of the next object is noticed even there.

#![allow(unsafe_code)]

use crate::base::seal;
use core::sync::atomic::{AtomicU64, Ordering};

/// The width of what the words at the ends of objects say.
pub const BITS: u32 = 44;
const VACANT: u64 = 1 << 42;

fn word(at: usize) -> &'static AtomicU64 {
    // SAFETY: callers pass words of slabs of ours, which are mapped, 8-aligned and exposed.
    unsafe { &*core::ptr::with_exposed_provenance(at) }
}

/// Says that nobody has the object whose last word is at `at`.
pub fn set(at: usize) {
    word(at).store(seal::seal::<BITS>(at, VACANT), Ordering::Release);
}

/// Whether a sealed word says that.
pub fn is(content: u64) -> bool {
    content & VACANT != 0
}

/// Whether the word at `at` says that.
pub fn is_at(at: usize) -> bool {
    seal::open::<BITS>(at, word(at).load(Ordering::Acquire)).is_some_and(is)
}

/// Whether the last word of an object, whoever has it, is as it was left. Zero is what a purge leaves.
pub fn is_whole(at: usize) -> bool {
    let raw = word(at).load(Ordering::Acquire);
    raw == 0 || seal::open::<BITS>(at, raw).is_some()
}
