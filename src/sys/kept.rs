//! A copy of standard error as it was at the start, for messages at the exit. Many programs close
//! standard error before they end, to learn whether all was written (coreutils' `close_stdout`).
//!
//! The copy has a high number, where no program looks, and no other program inherits it. It is made only
//! if something is to be written at the exit, because the reader of a pipe sees no end before the copy
//! is closed. Programs that close all descriptors close the copy too, and open others in its place. So
//! this module remembers which file the copy leads to, and nothing is written to any other file.

#![allow(unsafe_code)]

use super::syscall::{call, int};
use crate::base::pointer;
use crate::base::read_only::{self, Word};
use crate::sys::file;
use core::mem::MaybeUninit;
use libc::c_int;

/// The number of the copy, 0 if there is none, and the file that it leads to.
const DESCRIPTOR: Word = Word::new(read_only::KEPT, 0);
const FILE: Word = Word::new(read_only::KEPT + 1, 0);

/// The number of the copy. If it is taken, the next free one serves.
const NUMBER: usize = 1000;
/// The same where the process's limit does not allow that number.
const LOWER: usize = 100;

/// Makes the copy, if standard error is open. Must be called at the start.
pub fn keep() {
    if DESCRIPTOR.get() != 0 {
        return;
    }
    let copy = |number| {
        let args = [int(libc::STDERR_FILENO), int(libc::F_DUPFD_CLOEXEC), number];
        // SAFETY: makes a descriptor, which belongs to this module.
        let made = unsafe { call(libc::SYS_fcntl, args) };
        made.ok().and_then(|fd| c_int::try_from(fd).ok()).filter(|&fd| fd > 0)
    };
    let Some(fd) = copy(NUMBER).or_else(|| copy(LOWER)) else { return };
    let Some(file) = identity(fd) else { return file::close(fd) };
    FILE.set(file);
    DESCRIPTOR.set(int(fd));
}

/// The copy, if it is still there.
pub fn descriptor() -> Option<c_int> {
    let fd = c_int::try_from(DESCRIPTOR.get()).ok().filter(|&fd| fd > 0)?;
    (identity(fd)? == FILE.get()).then_some(fd)
}

/// The file that a descriptor leads to: its device and its number in one word.
fn identity(fd: c_int) -> Option<usize> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel writes the whole structure, or says that it cannot.
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
