//! The calling thread's errno. Callers see it change only where a standard says so.

#![allow(unsafe_code)]

use libc::c_int;

/// This thread's `errno`.
pub fn errno() -> c_int {
    // SAFETY: the address is this thread's own errno.
    unsafe { *libc::__errno_location() }
}

/// Where this thread's `errno` is.
pub fn errno_address() -> usize {
    // SAFETY: the function only computes an address.
    unsafe { libc::__errno_location() }.addr()
}

/// Runs `f` and puts `errno` back to what it was before.
pub fn keeping_errno<R>(f: impl FnOnce() -> R) -> R {
    let saved = errno();
    let result = f();
    set_errno(saved);
    result
}

/// Sets this thread's `errno`.
pub fn set_errno(value: c_int) {
    // SAFETY: the address is this thread's own errno.
    unsafe { *libc::__errno_location() = value };
}
