//! Memory that may not be readable. The kernel reads it, and reports an error instead of faulting.

#![allow(unsafe_code)]

use super::calls::process_id;
use super::syscall::{call, int};
use super::valgrind;
use crate::base::pointer;
use libc::c_int;

/// Copies up to `buffer.len()` bytes from any address of this process. Returns how many could be read. Never faults.
pub fn peek(address: usize, buffer: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: core::ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: process_vm_readv on the process itself reports bad addresses instead of faulting. It
    // writes only to this buffer, within its length.
    let got = unsafe {
        let (local, remote) = (pointer::expose(&raw const local), pointer::expose(&raw const remote));
        call(libc::SYS_process_vm_readv, [process_id() as usize, local, 1, remote, 1, 0])
    };
    got.unwrap_or(0)
}

/// Whether the kernel makes the call of `peek`. Sandboxes refuse it, and emulators do not know it.
pub fn can_peek() -> bool {
    let word = [1_u8; 8];
    peek(pointer::expose(word.as_ptr()), &mut [0; 8]) == 8
}

/// Whether the word at an address can be read. The kernel is asked by a call that reads the word and
/// then refuses to do anything. Sandboxes allow this call, and it costs a fifth of `peek`.
pub fn is_readable(address: usize) -> bool {
    const NOTHING: c_int = -1;
    if valgrind::runs() {
        // Valgrind would report that it does not know the call.
        return peek(address, &mut [0; 8]) == 8;
    }
    // SAFETY: the kernel reads eight bytes, or says that it cannot. There is no such way to change the
    // mask, which stays.
    let answer = unsafe { call(libc::SYS_rt_sigprocmask, [int(NOTHING), address, 0, size_of::<u64>()]) };
    answer == Err(libc::EINVAL)
}
