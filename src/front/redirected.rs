//! The entries that valgrind does not know.
//!
//! By default valgrind replaces our malloc, free, realloc and memalign by its own: it redirects calls of our exported
//! functions, from wherever they come. What it does not replace has to go through one of those. Otherwise one allocator
//! would free blocks of the other. Where nothing is redirected, these functions call the entries directly. The calls
//! are hidden from the optimiser, which would replace them by our own function's body.

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

/// `HERE` if metes serves the program, `ELSEWHERE` if another allocator does; 0 while that is not known yet.
static KNOWN: AtomicU8 = AtomicU8::new(0);
const HERE: u8 = 1;
const ELSEWHERE: u8 = 2;

/// Whether another allocator serves the program.
#[inline(always)]
pub fn is_elsewhere() -> bool {
    KNOWN.load(Relaxed) != HERE && find_out()
}

/// Valgrind does not tell, so this allocates a block and looks where it comes from.
#[cold]
#[inline(never)]
fn find_out() -> bool {
    if KNOWN.load(Relaxed) == 0 {
        let is_elsewhere = start::on_valgrind() && {
            // SAFETY: the allocator that served the block frees it, unused.
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

/// `free`, by the allocator that serves the program.
///
/// # Safety
/// As for `entries::free`.
#[inline(always)]
pub unsafe fn free(p: *mut c_void, claim: Claim) {
    if is_elsewhere() {
        // SAFETY: the caller frees a block, whichever allocator served it.
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

/// The same for a caller that passes the size, with nothing kept on the stack for the rare cases.
///
/// # Safety
/// As for `entries::free`.
#[inline(always)]
pub unsafe fn free_sized(p: *mut c_void, size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if KNOWN.load(Relaxed) != HERE || !entries::push_sized(p.cast(), size) {
            free_sized_slowly(p, size);
        }
    }
}

#[cold]
#[inline(never)]
unsafe extern "C" fn free_sized_slowly(p: *mut c_void, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { free(p, Claim::of(Family::Malloc).size(size)) };
}

/// `malloc`, by the allocator that serves the program.
#[inline(never)]
pub fn malloc(bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: allocating has no precondition.
        unsafe { black_box(libc::malloc as unsafe extern "C" fn(usize) -> *mut c_void)(bytes) }
    } else {
        entries::malloc(bytes).cast()
    }
}

/// `calloc`, by the allocator that serves the program.
#[inline(never)]
pub fn calloc(bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: allocating has no precondition.
        unsafe { black_box(libc::calloc as unsafe extern "C" fn(usize, usize) -> *mut c_void)(1, bytes) }
    } else {
        entries::calloc_whole(bytes).cast()
    }
}

/// `realloc`, by the allocator that serves the program.
///
/// # Safety
/// As for `entries::realloc`.
pub unsafe fn realloc(p: *mut c_void, bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: the caller resizes a block, whichever allocator served it.
        unsafe { black_box(libc::realloc as unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void)(p, bytes) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { entries::realloc(p.cast(), bytes).cast() }
    }
}

/// `memalign`, by the allocator that serves the program. `align` is a power of two.
pub fn memalign(align: usize, bytes: usize) -> *mut c_void {
    if is_elsewhere() {
        // SAFETY: allocating has no precondition.
        unsafe { black_box(libc::memalign as unsafe extern "C" fn(usize, usize) -> *mut c_void)(align, bytes) }
    } else {
        entries::aligned_alloc(Family::Malloc, bytes, align.max(GRAIN)).cast()
    }
}
