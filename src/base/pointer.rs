//! Addresses and pointers: only this module turns one into the other.
//!
//! The allocator computes with addresses, as all allocators do. The code that gets memory, for metes or
//! for a program, *exposes* the address. A pointer made here from an address may use what was exposed.
//! That is Rust's model of exposed provenance.

#![allow(unsafe_code)]

/// A pointer to an address, for reading.
#[inline(always)]
pub fn at<T>(address: usize) -> *const T {
    core::ptr::with_exposed_provenance(address)
}

/// A pointer to an address, for reading and writing.
#[inline(always)]
pub fn at_mut<T>(address: usize) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address)
}

/// A reference to the value at an address.
///
/// # Safety
/// An aligned `T` is there for as long as the process lives, and it is written to only through its own
/// atomics or cells.
#[inline(always)]
pub unsafe fn to_ref<T>(address: usize) -> &'static T {
    // SAFETY: the caller's promise. The compiler would test the address for 0 where the reference is in an `Option`.
    unsafe {
        core::hint::assert_unchecked(address != 0);
        &*at(address)
    }
}

/// Exposes what a pointer leads to, and returns its address.
#[inline(always)]
pub fn expose<T>(pointer: *const T) -> usize {
    pointer.expose_provenance()
}
