//! The key: what the second word of a free object holds, until it is handed out again. Freeing an object that has it is a
//! double free.
//!
//! The second, as programs write a byte or two to the first one just before they free the object, more often than to the second: a processor
//! does not pass such a write on to the read of a whole word that follows, but waits until it is done.
//!
//! It is the object's address times an odd number. A multiplication and no secret: that is one instruction, and nobody gains by
//! making up a word that only stops the program.

#![allow(unsafe_code)]

use crate::base::config::{CHECKED, KEY_END};
use crate::base::pointer;

const ODD: u64 = 0x6d65_7465;

/// The second word of an object, which is the program's or ours.
#[inline(always)]
fn word(address: usize) -> *mut u64 {
    pointer::at_mut(address + KEY_END - size_of::<u64>())
}

/// What the second word of a free object at `address` holds.
#[inline(always)]
pub fn key(address: usize) -> u64 {
    (address as u64).wrapping_mul(ODD)
}

/// Whether the object's second word says that it is free already.
///
/// # Safety
/// The address is that of an object, or of a block, of ours: 16-aligned, and with two words that can be read.
#[inline(always)]
pub unsafe fn is_set(address: usize) -> bool {
    // SAFETY: the caller's promise; if the program writes to it meanwhile, what it frees is in use.
    CHECKED && unsafe { word(address).read() } == key(address)
}

/// Writes the key. The object is free.
///
/// # Safety
/// As for `is_set`, and nobody has the object.
#[inline(always)]
pub unsafe fn set(address: usize) {
    if CHECKED {
        // SAFETY: the caller's promise.
        unsafe { word(address).write(key(address)) };
    }
}

/// Takes the key out of an object that is handed out, so that it is not found when the program frees it without having
/// written to it.
///
/// # Safety
/// As for `is_set`, and nobody has the object yet.
#[inline(always)]
pub unsafe fn clear(address: usize) {
    if CHECKED {
        // SAFETY: the caller's promise.
        unsafe { word(address).write(0) };
    }
}
