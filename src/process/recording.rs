//! Whether the process's calls are recorded, and where: see `record`.

use super::options::{TRACE, TRACE_STACKS};
use crate::base::path::{self, Path};

/// Whether calls are to be recorded.
#[inline]
pub fn is_asked() -> bool {
    !TRACE.is_none()
}

/// The file that the calls are recorded in, if any.
pub fn file(pid: libc::pid_t) -> Option<Path> {
    path::expand(TRACE, pid)
}

/// Whether each process has a file of its own.
pub fn has_file_for_each() -> bool {
    TRACE.bytes().zip(TRACE.bytes().skip(1)).any(|pair| pair == (b'%', b'p'))
}

/// How many frames of each stack are recorded.
pub fn depth() -> usize {
    TRACE_STACKS.get()
}
