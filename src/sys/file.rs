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

/// Why there is no mapped file.
pub enum NotMapped {
    /// There is such a file already.
    Exists,
    /// There is no room, or it cannot be made.
    Failed,
}

/// Creates a file of `len` bytes, all zero and on the disk, and maps it for all who map it; its address. Where it cannot,
/// nothing is left. A file that is there already is taken, and becomes zero, if its first bytes are `mine`; it never becomes
/// shorter, as another process may have it mapped. `path` ends with a zero.
pub fn create_mapped(path: &[u8], len: usize, mine: impl Fn(&[u8; 128]) -> bool) -> Result<usize, NotMapped> {
    debug_assert!(path.ends_with(&[0]));
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC;
    let path = pointer::expose(path.as_ptr());
    // SAFETY: the path ends with a zero; nothing else has the descriptor and the new range, and the kernel writes into
    // the array alone.
    unsafe {
        let open = |flags| call(libc::SYS_openat, [int(libc::AT_FDCWD), path, int(flags), 0o600]);
        let mut is_new = true;
        let fd = match open(flags | libc::O_EXCL) {
            Ok(fd) => fd,
            Err(libc::EEXIST) => {
                let fd = open(flags & !libc::O_CREAT).map_err(|_| NotMapped::Exists)?;
                let mut head = [0; 128];
                let read = call(libc::SYS_read, [fd, pointer::expose(head.as_mut_ptr()), head.len()]);
                if read != Ok(head.len()) || !mine(&head) {
                    let _ = call(libc::SYS_close, [fd]);
                    return Err(NotMapped::Exists);
                }
                is_new = false;
                fd
            }
            Err(_) => return Err(NotMapped::Failed),
        };
        let mapped = map(fd, 0, len);
        if let Ok(address) = mapped
            && !is_new
        {
            pointer::at_mut::<u8>(address).write_bytes(0, len);
        }
        if mapped.is_err() && is_new {
            let _ = call(libc::SYS_unlinkat, [int(libc::AT_FDCWD), path, 0]);
        }
        let _ = call(libc::SYS_close, [fd]);
        mapped.map_err(|_| NotMapped::Failed)
    }
}

/// Maps a part of a file that has room on the disk from then on: a write to a page without room would end the process.
unsafe fn map(fd: usize, offset: usize, len: usize) -> Result<usize, c_int> {
    // Beyond this limit the kernel would end the process as well.
    let mut limit = [u64::MAX; 2];
    let (access, shared) = (int(libc::PROT_READ | libc::PROT_WRITE), int(libc::MAP_SHARED));
    // SAFETY: the kernel writes into the array alone; nothing else has the new range.
    unsafe {
        let _ = call(libc::SYS_prlimit64, [0, libc::RLIMIT_FSIZE as usize, 0, pointer::expose(limit.as_mut_ptr())]);
        if (offset + len) as u64 > limit[0] {
            return Err(libc::EFBIG);
        }
        call(libc::SYS_fallocate, [fd, 0, offset, len])?;
        call(libc::SYS_mmap, [0, len, access, shared, fd, offset])
    }
}

/// Creates a file that is not there yet, for reading and writing; or the error's number. `path` ends with a zero.
pub fn create_new(path: &[u8]) -> Result<c_int, c_int> {
    debug_assert!(path.ends_with(&[0]));
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the path ends with a zero.
    let fd =
        unsafe { call(libc::SYS_openat, [int(libc::AT_FDCWD), pointer::expose(path.as_ptr()), int(flags), 0o600]) };
    fd.and_then(|fd| c_int::try_from(fd).map_err(|_| libc::EBADF))
}

/// Maps `len` bytes of a file for all who map it, from `offset` on, where the file has room on the disk from then on; the
/// address. `None` where it has none, or cannot be opened. `path` ends with a zero.
pub fn map_more(path: &[u8], offset: usize, len: usize) -> Option<usize> {
    debug_assert!(path.ends_with(&[0]));
    let (path, flags) = (pointer::expose(path.as_ptr()), int(libc::O_RDWR | libc::O_CLOEXEC));
    // SAFETY: the path ends with a zero; nothing else has the descriptor and the new range.
    unsafe {
        let fd = call(libc::SYS_openat, [int(libc::AT_FDCWD), path, flags, 0]).ok()?;
        let mapped = map(fd, offset, len);
        let _ = call(libc::SYS_close, [fd]);
        mapped.ok()
    }
}

/// Lets go of a range of a mapped file: the file keeps what is there, and the process has none of its pages until it
/// touches them again.
pub fn let_go(address: usize, len: usize) {
    // SAFETY: pages of a shared mapping of a file.
    let _ = unsafe { call(libc::SYS_madvise, [address, len, int(libc::MADV_DONTNEED)]) };
}

/// Unmaps a range of a mapped file.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn unmap(address: usize, len: usize) {
    // SAFETY: the caller's promise.
    let _ = unsafe { call(libc::SYS_munmap, [address, len]) };
}

/// Puts memory of the process's own in the place of a range of a mapped file: what is still written there goes nowhere.
pub fn part_from(address: usize, len: usize) {
    let access = int(libc::PROT_READ | libc::PROT_WRITE);
    let how = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE);
    // SAFETY: the range was the file's, and nothing relies on what is there.
    let _ = unsafe { call(libc::SYS_mmap, [address, len, access, how, usize::MAX, 0]) };
}

/// Calls `f` with the path of the directory that the process is in, without a zero; not where there is none.
pub fn with_directory(f: impl FnOnce(&[u8])) {
    let mut room = [0_u8; 1024];
    // SAFETY: the kernel writes into the array alone.
    let len = unsafe { call(libc::SYS_getcwd, [pointer::expose(room.as_mut_ptr()), room.len()]) };
    if let Ok(len @ 2..) = len
        && room[0] == b'/'
    {
        f(&room[..len - 1]);
    }
}

/// Reads a file from its beginning, as much as there is room for; how many bytes that were. `path` ends with a zero.
pub fn read_into(path: &[u8], room: &mut [u8]) -> usize {
    debug_assert!(path.ends_with(&[0]));
    let (path, mut done) = (pointer::expose(path.as_ptr()), 0);
    // SAFETY: the path ends with a zero, and the kernel writes into the slice alone.
    unsafe {
        let flags = int(libc::O_RDONLY | libc::O_CLOEXEC);
        let Ok(fd) = call(libc::SYS_openat, [int(libc::AT_FDCWD), path, flags, 0]) else { return 0 };
        while let Ok(n @ 1..) =
            call(libc::SYS_read, [fd, pointer::expose(room[done..].as_mut_ptr()), room.len() - done])
        {
            done += n;
        }
        let _ = call(libc::SYS_close, [fd]);
    }
    done
}

/// Closes a file.
pub fn close(fd: c_int) {
    // SAFETY: the caller owns the descriptor.
    let _ = unsafe { call(libc::SYS_close, [int(fd)]) };
}
