//! The entry points valgrind does not know.
//!
//! By default valgrind puts its own malloc, free, realloc and memalign in the place of ours, by redirecting calls of
//! our exported functions, from wherever they come. What it does not replace has to go through one of those,
//! or a block of one allocator would be freed by the other. Where nothing is redirected they come back here directly. The
//! calls are hidden from the optimiser, which would put our own function's body in the place of the call.

#![allow(unsafe_code)]

use super::entries;
use crate::base::config::GRAIN;
use crate::base::family::{Claim, Family};
use crate::process::start;
use crate::route::owner;
use core::ffi::c_void;
use core::hint::black_box;
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

/// Whether it is known that nobody else serves the program, or that somebody does; 0: neither yet.
static KNOWN: AtomicU8 = AtomicU8::new(0);
const HERE: u8 = 1;
const ELSEWHERE: u8 = 2;

#[inline(always)]
fn is_elsewhere() -> bool {
    KNOWN.load(Relaxed) != HERE && find_out()
}

/// Valgrind says nothing of it, so a block is asked for.
#[cold]
#[inline(never)]
fn find_out() -> bool {
    if KNOWN.load(Relaxed) == 0 {
        let is_elsewhere = start::on_valgrind() && {
            // SAFETY: the block is freed by whoever served it, unused.
            unsafe {
                let p = black_box(libc::malloc as unsafe extern "C" fn(usize) -> *mut c_void)(1);
                let is_foreign = owner::is_foreign(p.addr());
                black_box(libc::free as unsafe extern "C" fn(*mut c_void))(p);
                is_foreign
            }
        };
        KNOWN.store(if is_elsewhere { ELSEWHERE } else { HERE }, Relaxed);
    }
    KNOWN.load(Relaxed) == ELSEWHERE
}

/// `free`, through whoever serves it.
///
/// # Safety
/// As for `entries::free`.
#[inline(always)]
pub unsafe fn free(p: *mut c_void, claim: Claim) {
    if is_elsewhere() {
        // SAFETY: the caller frees a block, whoever served it.
        unsafe { black_box(libc::free as unsafe extern "C" fn(*mut c_void))(p) };
    } else {
        // SAFETY: the caller's promise.
        unsafe {
            match claim {
                Claim { size: Some(n), align: None, .. } => entries::free_sized(claim.family, p.cast(), n),
                _ => entries::free_claimed(p.cast(), claim),
            }
        }
    }
}

/// `realloc`, through whoever serves it.
///
/// # Safety
/// As for `entries::realloc`.
pub unsafe fn realloc(p: *mut c_void, bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: the caller resizes a block, whoever served it.
        unsafe { black_box(libc::realloc as unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void)(p, bytes) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { entries::realloc(p.cast(), bytes).cast() }
    }
}

/// `memalign`, through whoever serves it. `align` is a power of two.
pub fn memalign(align: usize, bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: allocating has no precondition.
        unsafe { black_box(libc::memalign as unsafe extern "C" fn(usize, usize) -> *mut c_void)(align, bytes) }
    } else {
        entries::aligned_alloc(Family::Malloc, bytes, align.max(GRAIN)).cast()
    }
}
