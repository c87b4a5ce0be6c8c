//! Files that are written to.

#![allow(unsafe_code)]

use super::syscall::{call, int};
use crate::base::pointer;
use libc::c_int;

/// Opens a file for appending, and creates it if there is none. `path` ends with a zero.
pub fn open_to_append(path: &[u8]) -> Option<c_int> {
    debug_assert!(path.ends_with(&[0]));
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    let path = pointer::expose(path.as_ptr());
    // SAFETY: the path ends with a zero.
    let fd = unsafe { call(libc::SYS_openat, [int(libc::AT_FDCWD), path, int(flags), 0o644]) };
    c_int::try_from(fd.ok()?).ok()
}

/// Closes a file.
pub fn close(fd: c_int) {
    // SAFETY: the caller owns the descriptor.
    let _ = unsafe { call(libc::SYS_close, [int(fd)]) };
}
