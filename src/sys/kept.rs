//! Standard error as it was at the start, for what is written at the exit: many programs close it before they end, to learn whether all was
//! written (coreutils' `close_stdout`).
//!
//! A copy of the descriptor, at a high number where no program looks, that no other program inherits. Only where something is to be written at the
//! exit, as whoever reads the other end of a pipe sees its end no sooner than the copy's. Programs that close all descriptors close it too, and open
//! others: what it is a copy of is remembered, and nothing is written to anything else.

#![allow(unsafe_code)]

use super::syscall::{call, int};
use crate::base::pointer;
use crate::base::read_only::{self, Word};
use crate::sys::file;
use core::mem::MaybeUninit;
use libc::c_int;

/// The number of the copy, 0 for none, and which file it leads to.
const DESCRIPTOR: Word = Word::new(read_only::KEPT, 0);
const FILE: Word = Word::new(read_only::KEPT + 1, 0);

/// The copy's number, or the next that is free.
const NUMBER: usize = 1000;
/// The same where the process's limit does not allow that.
const LOWER: usize = 100;

/// Keeps a copy, if standard error is open. To be called at the start.
pub fn keep() {
    if DESCRIPTOR.get() != 0 {
        return;
    }
    let copy = |number| {
        let args = [int(libc::STDERR_FILENO), int(libc::F_DUPFD_CLOEXEC), number];
        // SAFETY: makes a descriptor, which is ours.
        let made = unsafe { call(libc::SYS_fcntl, args) };
        made.ok().and_then(|fd| c_int::try_from(fd).ok()).filter(|&fd| fd > 0)
    };
    let Some(fd) = copy(NUMBER).or_else(|| copy(LOWER)) else { return };
    let Some(file) = identity(fd) else { return file::close(fd) };
    FILE.set(file);
    DESCRIPTOR.set(int(fd));
}

/// The copy, if it is there still.
pub fn descriptor() -> Option<c_int> {
    let fd = c_int::try_from(DESCRIPTOR.get()).ok().filter(|&fd| fd > 0)?;
    (identity(fd)? == FILE.get()).then_some(fd)
}

/// Which file a descriptor leads to: its device and its number in one.
fn identity(fd: c_int) -> Option<usize> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel writes the whole of it, or says that it cannot.
    unsafe {
        let answer = call(libc::SYS_fstat, [int(fd), pointer::expose(found.as_mut_ptr())]);
        let found = found.as_ptr();
        answer.is_ok().then(|| word((*found).st_dev.rotate_left(40) ^ (*found).st_ino))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "told apart by the low half too, where words are smaller")]
const fn word(value: u64) -> usize {
    value as usize
}
