//! If blocks are checked, the last word of an object that no caller has says so. It is a checksummed
//! word, so a write before the start of the next object is noticed even there.

#![allow(unsafe_code)]

use crate::base::{checksum, pointer};
use core::sync::atomic::{AtomicU64, Ordering};

/// The width of the content of the last words of objects.
pub const BITS: u32 = 44;
/// Says that no caller has the object.
pub const VACANT: u64 = 1 << 42;

/// # Safety
/// A word of a slab of metes is at `at`.
unsafe fn word(at: usize) -> &'static AtomicU64 {
    // SAFETY: slabs are mapped and exposed, and their objects end with 8-aligned words.
    unsafe { pointer::to_ref(at) }
}

/// Says that no caller has the object whose last word is at `at`.
///
/// # Safety
/// The word is the last one of an object of a slab.
pub unsafe fn set(at: usize) {
    // SAFETY: the caller's promise.
    unsafe { word(at) }.store(checksum::attach::<BITS>(at, VACANT), Ordering::Release);
}

/// Whether the content of a checksummed word says that.
pub fn is(content: u64) -> bool {
    content & VACANT != 0
}

/// Whether the word at `at` says that.
///
/// # Safety
/// As for `set`.
pub unsafe fn is_at(at: usize) -> bool {
    // SAFETY: the caller's promise.
    checksum::verify::<BITS>(at, unsafe { word(at) }.load(Ordering::Acquire)).is_some_and(is)
}

/// Whether the last word of an object is as metes left it, whether or not a caller has the object. A purge leaves zero.
///
/// # Safety
/// As for `set`.
pub unsafe fn is_whole(at: usize) -> bool {
    // SAFETY: the caller's promise.
    let raw = unsafe { word(at) }.load(Ordering::Acquire);
    raw == 0 || checksum::verify::<BITS>(at, raw).is_some()
}
