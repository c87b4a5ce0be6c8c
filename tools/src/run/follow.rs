//! Follows the file that reports go to, and passes on each line as it comes, with the places of its frames.
//!
//! A report is passed on as it is written, and the rest of the file after the program has ended: nothing is lost when
//! the program aborts. What was passed on is given back to the file system, so a program that reports for days fills
//! no disk.

#![allow(unsafe_code)]

use crate::symbols::{Symbols, report};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::{ffi::CString, thread};

/// How often the file is looked at where the kernel does not say when it changes.
const LOOK_EVERY_MS: libc::c_int = 20;
/// The file system gets its blocks back in pieces of this size.
const PIECE: u64 = 1 << 20;

/// A thread that follows a file.
pub struct Follower {
    thread: thread::JoinHandle<io::Result<()>>,
    /// The thread ends when this is closed and the file has been read to its end.
    going_on: OwnedFd,
}

impl Follower {
    /// Starts to follow a file, and writes to `out`.
    pub fn start(file: &File, path: &Path, out: Box<dyn Write + Send>, symbols: Symbols) -> io::Result<Self> {
        let (ended, going_on) = pipe()?;
        let following = Following { file: file.try_clone()?, at: 0, given_back: 0, rest: Vec::new(), out, symbols };
        let changes = watch(path);
        let thread =
            thread::Builder::new().name("reports".to_owned()).spawn(move || following.follow(&ended, changes))?;
        Ok(Self { thread, going_on })
    }

    /// Passes on what is left in the file, and ends. The error is that of the first write that failed.
    pub fn finish(self) -> io::Result<()> {
        drop(self.going_on);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that follows the reports has panicked")))
    }
}

struct Following {
    file: File,
    at: u64,
    given_back: u64,
    /// A line whose end is still to come.
    rest: Vec<u8>,
    out: Box<dyn Write + Send>,
    symbols: Symbols,
}

impl Following {
    fn follow(mut self, ended: &OwnedFd, changes: Option<OwnedFd>) -> io::Result<()> {
        loop {
            let is_over = wait(ended, changes.as_ref());
            let passed = self.pass_on();
            if is_over {
                let rest = std::mem::take(&mut self.rest);
                return passed.and_then(|()| if rest.is_empty() { Ok(()) } else { self.write(&rest) });
            }
            // If nobody reads standard error, the program runs all the same.
            passed?;
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let mut bytes = [0; 1 << 16];
        loop {
            let count = self.file.read_at(&mut bytes, self.at)?;
            if count == 0 {
                return Ok(());
            }
            self.at += count as u64;
            self.rest.extend_from_slice(&bytes[..count]);
            let end = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let lines: Vec<_> = self.rest.drain(..end).collect();
            self.write(&lines)?;
            self.give_back();
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut text = Vec::new();
        lines
            .split_inclusive(|&byte| byte == b'\n')
            .for_each(|line| report::annotate(&mut self.symbols, line, &mut text));
        self.out.write_all(&text)?;
        self.out.flush()
    }

    fn give_back(&mut self) {
        let end = self.at / PIECE * PIECE;
        if end > self.given_back {
            let (start, length) = (self.given_back.cast_signed(), (end - self.given_back).cast_signed());
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: the descriptor is open. A file system that cannot do this keeps the blocks.
            unsafe { libc::fallocate(self.file.as_raw_fd(), mode, start, length) };
            self.given_back = end;
        }
    }
}

/// Waits until the file has changed, or all is over, which it returns.
fn wait(ended: &OwnedFd, changes: Option<&OwnedFd>) -> bool {
    let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut entries = [entry(ended.as_raw_fd()), entry(changes.map_or(-1, AsRawFd::as_raw_fd))];
    let patience = if changes.is_some() { -1 } else { LOOK_EVERY_MS };
    // SAFETY: the array has two entries, and an entry of -1 is none.
    unsafe { libc::poll(entries.as_mut_ptr(), 2, patience) };
    if let Some(changes) = changes.filter(|_| entries[1].revents != 0) {
        let mut events = [0u8; 4096];
        // SAFETY: the buffer has this length. That there was an event is all that is asked for.
        unsafe { libc::read(changes.as_raw_fd(), events.as_mut_ptr().cast(), events.len()) };
    }
    entries[0].revents != 0
}

fn watch(path: &Path) -> Option<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: makes a descriptor, which is owned from then on; the path is a C string.
    unsafe {
        let fd = libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK);
        let watch = (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))?;
        (libc::inotify_add_watch(watch.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY) >= 0).then_some(watch)
    }
}

/// The two ends of a pipe, which no other program inherits.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the kernel writes both descriptors, which are owned from then on.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}
