//! The key: the second word of a free object holds it until the object is handed out again. Freeing an
//! object that has its key is a double free.
//!
//! The first word would not do: just before a free, programs write a byte or two there more often than to the second. A
//! processor does not forward such a write to a read of the whole word that follows. It waits until the write is done.
//!
//! The key is the object's address times an odd number. A multiplication is one instruction. There is
//! no secret in it: a forged key only stops the program, so nothing is gained by it.

#![allow(unsafe_code)]

use crate::base::config::{CHECKED, KEY_END};
use crate::base::pointer;

const ODD: u64 = 0x6d65_7465;

/// The second word of an object. It belongs to the program or to metes.
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
/// An object or block of metes is at the address: 16-aligned, with two words that can be read.
#[inline(always)]
pub unsafe fn is_set(address: usize) -> bool {
    // SAFETY: the caller's promise. If the program writes to the word meanwhile, it frees an object that is in use.
    CHECKED && unsafe { word(address).read() } == key(address)
}

/// Writes the key. The object must be free.
///
/// # Safety
/// As for `is_set`, and no other code has the object.
#[inline(always)]
pub unsafe fn set(address: usize) {
    if CHECKED {
        // SAFETY: the caller's promise.
        unsafe { word(address).write(key(address)) };
    }
}

/// Clears the key of an object that is handed out. Otherwise it would be found if the program frees the
/// object without having written to it.
///
/// # Safety
/// As for `is_set`, and no other code has the object yet.
#[inline(always)]
pub unsafe fn clear(address: usize) {
    if CHECKED {
        // SAFETY: the caller's promise.
        unsafe { word(address).write(0) };
    }
}
