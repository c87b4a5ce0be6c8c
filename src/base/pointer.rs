//! Addresses and pointers: the one place where one becomes the other.
//!
//! The allocator computes with addresses, as all allocators do. An address that leads to memory of metes' or of a program's is *exposed* where that
//! memory is got, and a pointer that is made of it here may use what was exposed. That is Rust's model of exposed provenance.

#![allow(unsafe_code)]

/// A pointer to what is at an address, for reading.
#[inline(always)]
pub fn at<T>(address: usize) -> *const T {
    core::ptr::with_exposed_provenance(address)
}

/// A pointer to what is at an address, for reading and writing.
#[inline(always)]
pub fn at_mut<T>(address: usize) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address)
}

/// What is at an address.
///
/// # Safety
/// A `T` is there, aligned, for as long as the process lives, and nothing writes to it but through its own atomics or cells.
#[inline(always)]
pub unsafe fn to_ref<T>(address: usize) -> &'static T {
    // SAFETY: the caller's promise.
    unsafe { &*at(address) }
}

/// The address of what a pointer leads to, which is exposed.
#[inline(always)]
pub fn expose<T>(pointer: *const T) -> usize {
    pointer.expose_provenance()
}
