//! Memory that may not be readable: looked at by the kernel, which says so instead of faulting.

#![allow(unsafe_code)]

use super::calls::process_id;
use super::syscall::{call, int};
use super::valgrind;
use crate::base::pointer;
use libc::c_int;

/// Copies up to `buffer.len()` bytes from any address of this process; how many could be read. Never faults.
pub fn peek(address: usize, buffer: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: core::ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: process_vm_readv on the process itself reports bad addresses instead of faulting; it is given this
    // buffer and its length to write to.
    let got = unsafe {
        let (local, remote) = (pointer::expose(&raw const local), pointer::expose(&raw const remote));
        call(libc::SYS_process_vm_readv, [process_id() as usize, local, 1, remote, 1, 0])
    };
    got.unwrap_or(0)
}

/// Whether the word at an address can be read. Asks the kernel, by a call that reads it and then refuses to do anything: sandboxes allow
/// this one, and it costs a fifth of `peek`.
pub fn is_readable(address: usize) -> bool {
    const NOTHING: c_int = -1;
    if valgrind::runs() {
        // It would say that it does not know the call.
        return peek(address, &mut [0; 8]) == 8;
    }
    // SAFETY: the kernel reads eight bytes, or says that it cannot; there is no such way to change the mask, which stays as it is.
    let answer = unsafe { call(libc::SYS_rt_sigprocmask, [int(NOTHING), address, 0, size_of::<u64>()]) };
    answer == Err(libc::EINVAL)
}
