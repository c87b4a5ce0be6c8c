//! The malloc family of C, POSIX and glibc. All of it is thread-safe. Alignment is at least 16 for
//! every size. A failure is null with `ENOMEM` in errno, unless said otherwise.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::config::GRAIN;
use crate::base::family::{Claim, Family};
use crate::front::{entries, redirected, usable};
use crate::sys::errno::{keeping_errno, set_errno};
use crate::sys::mmap::page_size;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// C `malloc`. `malloc(0)` is a block of its own.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    entries::malloc(size).cast()
}

/// C `free`. Keeps errno.
///
/// # Safety
/// `p` must be null or a block that nothing uses any more; other pointers are reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(p: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { entries::free(Family::Malloc, p.cast()) };
}

/// glibc's former `cfree`.
///
/// # Safety
/// `p` must be null or a block that nothing uses any more; other pointers are reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(p: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { entries::free(Family::Malloc, p.cast()) };
}

/// C23 `free_sized`.
///
/// # Safety
/// `p` must be null or a block that nothing uses any more; other pointers are reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(p: *mut c_void, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { redirected::free_sized(p, size) };
}

/// C23 `free_aligned_sized`.
///
/// # Safety
/// `p` must be null or a block that nothing uses any more; other pointers are reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(p: *mut c_void, align: usize, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { redirected::free(p, Claim::of(Family::Malloc).size(size).align(align)) };
}

/// C `calloc`. All of the block is zero, including what `malloc_usable_size` says above
/// `count * size`, as with glibc. That holds until the block goes through `realloc`: its new bytes
/// may be anything, as those of `malloc` and of the aligned functions.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // A product that overflows is more than any allocator has.
    entries::calloc_whole(count.saturating_mul(size)).cast()
}

/// C `realloc`; `realloc(p, 0)` frees and returns null, as glibc's does.
///
/// # Safety
/// `p` must be null or a block. Unless null is returned for lack of memory, nothing may use it at its old address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { entries::realloc(p.cast(), size).cast() }
}

/// `reallocarray(3)`.
///
/// # Safety
/// As for `realloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise.
        Some(bytes) => unsafe { redirected::realloc(p, bytes) },
        None => {
            set_errno(libc::ENOMEM);
            null_mut()
        }
    }
}

/// C `aligned_alloc`: null and `EINVAL` if the alignment is no power of two. The size need not be a multiple of it.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return null_mut();
    }
    entries::aligned_alloc(Family::Malloc, size, align.max(GRAIN)).cast()
}

/// POSIX `posix_memalign`: returns 0, `EINVAL` or `ENOMEM`. On failure `*out` stays as it is. For
/// lack of memory errno is `ENOMEM` too, as after glibc's. Otherwise errno stays as it is.
///
/// # Safety
/// `out` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    let p = keeping_errno(|| entries::aligned_alloc(Family::Malloc, size, align.max(GRAIN)));
    if p.is_null() {
        set_errno(libc::ENOMEM);
        return libc::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(p.cast()) };
    0
}

/// `memalign(3)`: an alignment that is no power of two is rounded up to one, as glibc does.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    match align.max(GRAIN).checked_next_power_of_two() {
        Some(align) => entries::aligned_alloc(Family::Malloc, size, align).cast(),
        None => {
            set_errno(libc::EINVAL);
            null_mut()
        }
    }
}

/// `valloc(3)`: aligned to a page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    entries::aligned_alloc(Family::Malloc, size, page_size()).cast()
}

/// `pvalloc(3)`: whole pages, at least one, aligned to a page.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let bytes = align::up_checked(size.max(1), page_size()).unwrap_or(usize::MAX);
    redirected::memalign(page_size(), bytes)
}

/// `malloc_usable_size(3)`: the bytes that may be written. realloc carries all of them along. 0 for null.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_usable_size(p: *mut c_void) -> usize {
    usable::usable_size(p.cast())
}
