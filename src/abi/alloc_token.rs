//! What clang calls in the place of malloc's family and `operator new` with `-fsanitize=alloc-token`: the same, with a
//! token at the end, or in the name (`-fsanitize-alloc-token-fast-abi` with two tokens). See `special::tokens`.
//!
//! Where there is no memory for a type without pointers, the ordinary function is called, which knows what to do.

#![allow(unsafe_code)]

use super::malloc;
use crate::base::config::GRAIN;
use crate::base::operation::Operation;
use crate::front::redirected;
use crate::special::tokens;
use crate::sys::errno::keeping_errno;
use crate::sys::mmap::page_size;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// A block for a type without pointers; null if the token stands for another one, or the ordinary function is to serve.
#[inline(never)]
pub(super) fn without_pointers(token: usize, operation: Operation, n: usize, align: usize) -> *mut c_void {
    if !tokens::is_without_pointers(token) || !align.is_power_of_two() || redirected::is_elsewhere() {
        return null_mut();
    }
    keeping_errno(|| tokens::serve(operation, n, align.max(GRAIN), operation == Operation::Calloc)).cast()
}

/// A block from `first`, or where that is null, what `$other` gives.
macro_rules! or {
    ($first:expr, $other:expr) => {{
        let first = $first;
        if first.is_null() { $other } else { first }
    }};
}

/// The functions of C, for a token that is the last argument (`token: usize`), or that their names say.
macro_rules! family {
    (
        ($($token:ident: $type:ty)?) is $is:expr;
        $malloc:ident $calloc:ident $realloc:ident $reallocarray:ident
        $posix_memalign:ident $aligned_alloc:ident $memalign:ident $valloc:ident $pvalloc:ident
    ) => {
        /// As `malloc`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $malloc(size: usize $(, $token: $type)?) -> *mut c_void {
            or!(without_pointers($is, Operation::Malloc, size, GRAIN), redirected::malloc(size))
        }

        /// As `calloc`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $calloc(count: usize, size: usize $(, $token: $type)?) -> *mut c_void {
            let bytes = count.saturating_mul(size);
            or!(without_pointers($is, Operation::Calloc, bytes, GRAIN), redirected::calloc(bytes))
        }

        /// As `realloc`: a block stays where blocks of its kind are.
        ///
        /// # Safety
        /// As for `realloc`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $realloc(p: *mut c_void, size: usize $(, $token: $type)?) -> *mut c_void {
            if p.is_null() {
                return $malloc(size $(, $token)?);
            }
            // SAFETY: the caller's promise.
            unsafe { redirected::realloc(p, size) }
        }

        /// As `reallocarray`.
        ///
        /// # Safety
        /// As for `realloc`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $reallocarray(p: *mut c_void, count: usize, size: usize $(, $token: $type)?) -> *mut c_void {
            match count.checked_mul(size) {
                Some(bytes) if p.is_null() => $malloc(bytes $(, $token)?),
                // SAFETY: the caller's promise.
                _ => unsafe { malloc::reallocarray(p, count, size) },
            }
        }

        /// As `posix_memalign`.
        ///
        /// # Safety
        /// `out` must be valid for a write.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $posix_memalign(out: *mut *mut c_void, align: usize, size: usize $(, $token: $type)?) -> c_int {
            if align.is_multiple_of(size_of::<usize>()) {
                let p = without_pointers($is, Operation::Aligned, size, align);
                if !p.is_null() {
                    // SAFETY: the caller's promise.
                    unsafe { out.write(p) };
                    return 0;
                }
            }
            // SAFETY: the caller's promise.
            unsafe { malloc::posix_memalign(out, align, size) }
        }

        /// As `aligned_alloc`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $aligned_alloc(align: usize, size: usize $(, $token: $type)?) -> *mut c_void {
            or!(without_pointers($is, Operation::Aligned, size, align), malloc::aligned_alloc(align, size))
        }

        /// As `memalign`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $memalign(align: usize, size: usize $(, $token: $type)?) -> *mut c_void {
            or!(without_pointers($is, Operation::Aligned, size, align), malloc::memalign(align, size))
        }

        /// As `valloc`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $valloc(size: usize $(, $token: $type)?) -> *mut c_void {
            or!(without_pointers($is, Operation::Aligned, size, page_size()), malloc::valloc(size))
        }

        /// As `pvalloc`.
        #[unsafe(no_mangle)]
        pub extern "C" fn $pvalloc(size: usize $(, $token: $type)?) -> *mut c_void {
            let pages = size.max(1).checked_next_multiple_of(page_size()).unwrap_or(usize::MAX);
            or!(without_pointers($is, Operation::Aligned, pages, page_size()), malloc::pvalloc(size))
        }
    };
}

family! {
    (token: usize) is token;
    __alloc_token_malloc __alloc_token_calloc __alloc_token_realloc __alloc_token_reallocarray
    __alloc_token_posix_memalign __alloc_token_aligned_alloc
    __alloc_token_memalign __alloc_token_valloc __alloc_token_pvalloc
}

family! {
    () is 0;
    __alloc_token_0_malloc __alloc_token_0_calloc __alloc_token_0_realloc __alloc_token_0_reallocarray
    __alloc_token_0_posix_memalign __alloc_token_0_aligned_alloc
    __alloc_token_0_memalign __alloc_token_0_valloc __alloc_token_0_pvalloc
}

family! {
    () is 1;
    __alloc_token_1_malloc __alloc_token_1_calloc __alloc_token_1_realloc __alloc_token_1_reallocarray
    __alloc_token_1_posix_memalign __alloc_token_1_aligned_alloc
    __alloc_token_1_memalign __alloc_token_1_valloc __alloc_token_1_pvalloc
}
