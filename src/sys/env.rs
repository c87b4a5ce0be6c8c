//! The environment, read in place: the first allocation may come from ld.so, before the libc sets `environ`.

#![allow(unsafe_code)]

use super::auxv;
use super::syscall::{call, int};
use crate::base::pointer;
use core::ffi::{CStr, c_char};

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Whether the process has more rights than its caller (set-user-id and the like). Its options are ignored then.
pub fn is_secure() -> bool {
    auxv::get(libc::AT_SECURE).is_some()
}

/// Calls `f` with the value of the environment variable `name`, if it is set.
pub fn with(name: &str, f: &mut dyn FnMut(&[u8])) {
    // SAFETY: environ is null or a null-terminated array of strings, and no thread changes it this early.
    unsafe {
        let mut entry = environ;
        if entry.is_null() {
            return with_proc(name, f);
        }
        while !(*entry).is_null() {
            if let Some(value) = value_of(CStr::from_ptr(*entry).to_bytes(), name) {
                return f(value);
            }
            entry = entry.add(1);
        }
    }
}

fn value_of<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// The same from /proc, through a small buffer. An entry longer than the buffer is skipped.
fn with_proc(name: &str, f: &mut dyn FnMut(&[u8])) {
    for_each_piece(c"/proc/self/environ", 0, &mut |entry| match value_of(entry, name) {
        Some(value) => {
            f(value);
            true
        }
        None => false,
    });
}

/// Reads a file in pieces that end with `end`, without allocating, until `f` returns true. Skips pieces
/// longer than 4 KiB. Returns whether the file could be opened.
pub fn for_each_piece(path: &CStr, end: u8, f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    for_each_piece_in(&mut [0; 4096], path, end, f)
}

/// The same through the caller's buffer.
pub fn for_each_piece_in(buffer: &mut [u8], path: &CStr, end: u8, f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let (mut len, mut too_long) = (0, false);
    // SAFETY: the path is a string, and the kernel writes to the buffer within its length.
    unsafe {
        let flags = int(libc::O_RDONLY | libc::O_CLOEXEC);
        let path = pointer::expose(path.as_ptr());
        let Ok(fd) = call(libc::SYS_openat, [int(libc::AT_FDCWD), path, flags, 0]) else { return false };
        'file: loop {
            let room = &mut buffer[len..];
            let got = call(libc::SYS_read, [fd, pointer::expose(room.as_mut_ptr()), room.len()]);
            let Ok(got @ 1..) = got else { break };
            len += got;
            let mut start = 0;
            while let Some(n) = buffer[start..len].iter().position(|&byte| byte == end) {
                if !too_long && f(&buffer[start..start + n]) {
                    break 'file;
                }
                too_long = false;
                start += n + 1;
            }
            buffer.copy_within(start..len, 0);
            len -= start;
            if len == buffer.len() {
                (len, too_long) = (0, true);
            }
        }
        let _ = call(libc::SYS_close, [fd]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn value_needs_the_whole_name() {
        assert_eq!(value_of(b"AB=1", "AB"), Some(&b"1"[..]));
        assert_eq!(value_of(b"ABC=1", "AB"), None);
        assert_eq!(value_of(b"A=1", "AB"), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn pieces_cross_the_buffer_and_long_ones_are_passed_over() {
        let path = std::env::temp_dir().join(std::format!("metes-pieces-{}", std::process::id()));
        let mut file = std::fs::File::create(&path).unwrap();
        let expected: Vec<Vec<u8>> = (0..600).map(|i| std::format!("piece number {i}").into_bytes()).collect();
        for (i, piece) in expected.iter().enumerate() {
            file.write_all(piece).unwrap();
            file.write_all(b"\n").unwrap();
            if i == 300 {
                file.write_all(&vec![b'x'; 10_000]).unwrap();
                file.write_all(b"\n").unwrap();
            }
        }
        let mut seen = Vec::new();
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        for_each_piece(&name, b'\n', &mut |piece| {
            seen.push(piece.to_vec());
            false
        });
        std::fs::remove_file(&path).unwrap();
        assert_eq!(seen, expected);
    }
}
