//! The entry points valgrind does not know.
//!
//! By default valgrind puts its own malloc, free, realloc and memalign in the place of ours, by redirecting calls of
//! our exported functions, from wherever they come. What it does not replace has to go through one of those,
//! or a block of one allocator would be freed by the other. Where nothing is redirected they come back here directly. The
//! calls are hidden from the optimiser, which would put our own function's body in the place of the call.

#![allow(unsafe_code)]

use super::{alloc, runtime};
use crate::base::config::GRAIN;
use crate::base::family::{Claim, Family};
use core::ffi::c_void;
use core::hint::black_box;

/// `free`, through whoever serves it.
///
/// # Safety
/// As for `alloc::release`.
pub unsafe fn free(p: *mut c_void, claim: Claim) {
    if runtime::on_valgrind() {
        // SAFETY: the caller frees a block, whoever served it.
        unsafe { black_box(libc::free as unsafe extern "C" fn(*mut c_void))(p) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { alloc::release_claimed(p.cast(), claim) };
    }
}

/// `realloc`, through whoever serves it.
///
/// # Safety
/// As for `alloc::resize`.
pub unsafe fn realloc(p: *mut c_void, bytes: usize) -> *mut c_void {
    if runtime::on_valgrind() {
        // SAFETY: the caller resizes a block, whoever served it.
        unsafe { black_box(libc::realloc as unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void)(p, bytes) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { alloc::resize(p.cast(), bytes).cast() }
    }
}

/// `memalign`, through whoever serves it. `align` is a power of two.
pub fn memalign(align: usize, bytes: usize) -> *mut c_void {
    if runtime::on_valgrind() {
        // SAFETY: allocating has no precondition.
        unsafe { black_box(libc::memalign as unsafe extern "C" fn(usize, usize) -> *mut c_void)(align, bytes) }
    } else {
        alloc::allocate_aligned(Family::Malloc, bytes, align.max(GRAIN)).cast()
    }
}
