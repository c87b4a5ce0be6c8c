//! Reading another process's memory.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Reads up to `into.len()` bytes, and returns how many there were before the first that cannot be read.
pub fn read(pid: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: the kernel writes into the slice alone.
    let n = unsafe { libc::process_vm_readv(pid.cast_signed(), &raw const local, 1, &raw const remote, 1, 0) };
    if n >= 0 {
        return Ok(n.cast_unsigned());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Containers forbid the call more often than the file, which asks for the same permission.
        Some(libc::ENOSYS | libc::EPERM) => from_file(pid, address, into).map_err(|_| error),
        _ => Err(error),
    }
}

/// Writes all of `bytes` to an address.
pub fn write(pid: u32, address: u64, bytes: &[u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes.len() };
    // SAFETY: the kernel only reads the slice.
    let n = unsafe { libc::process_vm_writev(pid.cast_signed(), &raw const local, 1, &raw const remote, 1, 0) };
    if n == bytes.len().cast_signed() {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSYS | libc::EPERM) => {
            let file = File::options().write(true).open(format!("/proc/{pid}/mem"));
            file.and_then(|file| file.write_all_at(bytes, address)).map_err(|_| error)
        }
        _ => Err(error),
    }
}

fn from_file(pid: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    File::open(format!("/proc/{pid}/mem"))?.read_at(into, address)
}
