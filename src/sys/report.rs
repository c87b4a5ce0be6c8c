//! Reports: one line of fixed size, written with one write(2), then abort. Nothing here allocates or takes a lock, and
//! nothing unwinds. What the *program* did wrong is a `misuse`; a broken invariant of metes' own is a `bug`.

#![allow(unsafe_code)]

use super::linux;
use crate::base::line::Line;
use core::fmt::{Arguments, Write};

/// A report's line; an address, a size and a path fit.
type ReportLine = Line<512>;

/// Writes `metes: <text>` and a newline to standard error, in one piece. Keeps errno.
pub fn say(text: Arguments<'_>) {
    let mut line = ReportLine::new();
    // A Line never fails to be written to.
    let _ = write!(line, "metes: {text}");
    line.end();
    write_all(libc::STDERR_FILENO, line.as_bytes());
}

/// Writes bytes to a file descriptor. What cannot be written is lost. Keeps errno.
pub fn write_all(fd: libc::c_int, mut bytes: &[u8]) {
    linux::keeping_errno(|| {
        while !bytes.is_empty() {
            // SAFETY: the buffer is readable for its length.
            let written = unsafe {
                linux::call(libc::SYS_write, [linux::int(fd), bytes.as_ptr().expose_provenance(), bytes.len()])
            };
            match usize::try_from(written) {
                Ok(n) if n > 0 => bytes = &bytes[n.min(bytes.len())..],
                Err(_) if linux::errno() == libc::EINTR => {}
                _ => return,
            }
        }
    });
}

/// The program has damaged or misused the heap: says how and aborts.
#[cold]
#[inline(never)]
pub fn misuse(text: Arguments<'_>) -> ! {
    die(text)
}

/// An invariant of metes' own is broken: says which and aborts.
#[cold]
#[inline(never)]
pub fn bug(text: Arguments<'_>) -> ! {
    die(format_args!("internal error, please report it: {text}"))
}

/// The first report is the only one: other threads that find something at the same moment wait for the end. A program's
/// SIGABRT handler that does wrong once more ends at once.
#[cfg(not(any(test, feature = "fake")))]
fn die(text: Arguments<'_>) -> ! {
    use core::sync::atomic::{AtomicU32, Ordering};
    static REPORTER: AtomicU32 = AtomicU32::new(0);
    let me = super::thread::number();
    match REPORTER.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => say(text),
        Err(first) if first == me => {}
        Err(_) => loop {
            // SAFETY: only sleeps until a signal comes.
            unsafe { libc::pause() };
        },
    }
    // SAFETY: abort never returns.
    unsafe { libc::abort() }
}

/// In the library's own tests a report is a panic, so that tests can expect it.
#[cfg(any(test, feature = "fake"))]
fn die(text: Arguments<'_>) -> ! {
    panic!("{text}")
}
