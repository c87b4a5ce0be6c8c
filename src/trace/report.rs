//! Reports: one line that says what is wrong, in one write(2), then lines of detail, then abort.
//! Nothing here allocates, takes a lock or unwinds. A mistake of the *program* is a `misuse` or a
//! `found`. A broken invariant of metes itself is a `bug`.
//!
//! The line is written before the detail is gathered: gathering asks the kernel, which may refuse that in its own ways.

#![allow(unsafe_code)]

use super::{modules, unwind};
use crate::base::code::Code;
use crate::base::line::Line;
use crate::base::read_only::{self, Text, Word};
use crate::base::{path, pointer};
use crate::sys::syscall::{call, int};
use crate::sys::{calls, file, kept, probe, thread, valgrind};
use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::fmt::{Arguments, Write};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, Ordering};

/// A report's line. An address, a size and a path fit.
type ReportLine = Line<512>;

/// What happens when metes finds something that the process can survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// It is reported, and the process aborts.
    Stop = 0,
    /// It is reported, and the call does nothing.
    GoOn = 1,
    /// The call does nothing.
    Ignore = 2,
}

/// What happens after a report, as a word.
pub const AFTER: Word = Word::new(read_only::AFTER, After::Stop as usize);
/// Where reports go, if not to standard error.
pub const PATH: Text = Text::new(read_only::REPORT);
/// The number of the thread that is writing a report; 0 for none. It stays if the process ends by that report.
static REPORTER: AtomicU32 = AtomicU32::new(0);

/// Sets what happens when metes finds something that the process can survive.
pub fn set_after(after: After) {
    AFTER.set(after as usize);
}

/// What happens when metes finds something that the process can survive.
pub fn after() -> After {
    match AFTER.get() {
        0 => After::Stop,
        1 => After::GoOn,
        _ => After::Ignore,
    }
}

/// Whether reports go to a file.
pub fn has_path() -> bool {
    !PATH.is_none()
}

/// Writes `metes: <text>` and a newline to standard error, in one piece. Keeps errno.
pub fn say(text: Arguments<'_>) {
    say_to(libc::STDERR_FILENO, text);
}

fn say_to(fd: libc::c_int, text: Arguments<'_>) {
    write_all(fd, line_of(text).as_bytes());
}

fn line_of(text: Arguments<'_>) -> ReportLine {
    let mut line = ReportLine::new();
    // Writing to a Line never fails.
    let _ = write!(line, "metes: {text}");
    line.end();
    line
}

/// Writes bytes to a file descriptor. What cannot be written is lost. If standard error was closed, the
/// bytes for it go to the copy of it, if one was kept. Keeps errno.
pub fn write_all(mut fd: libc::c_int, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the buffer is readable for its length.
        match unsafe { call(libc::SYS_write, [int(fd), pointer::expose(bytes.as_ptr()), bytes.len()]) } {
            Ok(n @ 1..) => bytes = &bytes[n.min(bytes.len())..],
            Err(libc::EINTR) => {}
            Err(libc::EBADF) if fd == libc::STDERR_FILENO => match kept::descriptor() {
                Some(kept) => fd = kept,
                None => return,
            },
            _ => return,
        }
    }
}

/// The lines after a report's first.
pub struct Detail {
    fd: libc::c_int,
    text: &'static mut Line<TEXT_MAX>,
}

/// Stands for valgrind's output in the place of a descriptor.
const VALGRIND: libc::c_int = -1;

fn say_by_valgrind(line: &[u8], with_stack: bool) {
    let mut text = Line::<514>::new();
    text.push(line);
    text.push(b"\0");
    if let Ok(text) = CStr::from_bytes_until_nul(text.as_bytes()) {
        valgrind::say(text, with_stack);
    }
}

/// Lines of detail are written in pieces of at most so many bytes: a pipe takes these whole.
const TEXT_MAX: usize = 4096;
/// Frames of the call that a report is about.
const FRAMES: usize = 16;
/// Room in the buffer for one more line. With less it is flushed first.
const LINE_ROOM: usize = 512;

impl Detail {
    /// Adds a line.
    pub fn line(&mut self, text: Arguments<'_>) {
        if TEXT_MAX - self.text.as_bytes().len() < LINE_ROOM {
            self.flush();
        }
        let mut line = ReportLine::new();
        let _ = write!(line, "metes:   {text}");
        line.end();
        self.text.push(line.as_bytes());
    }

    fn flush(&mut self) {
        if self.fd == VALGRIND {
            let lines = self.text.as_bytes().split_inclusive(|&byte| byte == b'\n');
            lines.for_each(|line| say_by_valgrind(line, false));
        } else {
            write_all(self.fd, self.text.as_bytes());
        }
        self.text.clear();
    }

    /// A stack: return addresses, innermost first.
    pub fn stack(&mut self, frames: &[usize]) {
        modules::write_stack(frames, &mut |line| self.line(line));
    }

    /// The bytes around an address, as far as they can be read.
    pub fn memory(&mut self, address: usize) {
        const ROW: usize = 16;
        const BEFORE: usize = 2 * ROW;
        const ROWS: usize = 6;
        let start = (address & !(ROW - 1)).wrapping_sub(BEFORE);
        for row in (0..ROWS).map(|row| start.wrapping_add(row * ROW)) {
            let mut bytes = [0; ROW];
            if probe::peek(row, &mut bytes) != ROW {
                continue;
            }
            let mut line = Line::<128>::new();
            for (index, byte) in bytes.iter().enumerate() {
                // The bracket stands before the first byte that the report is about.
                let mark = if row.wrapping_add(index) == address { '[' } else { ' ' };
                let _ = write!(line, "{mark}{byte:02x}");
            }
            line.push(b"  |");
            bytes.iter().for_each(|&byte| line.push(&[if (0x20..0x7f).contains(&byte) { byte } else { b'.' }]));
            line.push(b"|");
            self.line(format_args!("{row:#x}: {}", line.as_str()));
        }
    }
}

/// The buffer for detail, which is too large for the stack of a signal handler.
struct Buffer(UnsafeCell<Line<TEXT_MAX>>);

// SAFETY: only the reporter uses it, and there is one at a time.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new(Line::new()));

/// The program has misused the heap in a way that it can survive. Says how and then aborts or returns,
/// as `set_after` says. `at` is the address that the report is about.
#[cold]
#[inline(never)]
pub fn found(code: Code, at: usize, text: Arguments<'_>, detail: &dyn Fn(&mut Detail)) {
    match after() {
        After::Stop => die(code, at, text, detail),
        After::GoOn => noticed(code, at, text, detail),
        After::Ignore => {}
    }
}

/// The program has done something that an option allows: reports it and returns.
pub fn noticed(code: Code, at: usize, text: Arguments<'_>, detail: &dyn Fn(&mut Detail)) {
    if begin() {
        write(code, at, text, detail);
        end();
    }
}

/// The program has damaged the heap. Says how and aborts, as nothing could be relied on any more. `at`
/// is the address that the report is about.
#[cold]
#[inline(never)]
pub fn misuse(code: Code, at: usize, text: Arguments<'_>) -> ! {
    die(code, at, text, &|_| {})
}

/// An invariant of metes itself is broken: says which and aborts.
#[cold]
#[inline(never)]
pub fn bug(text: Arguments<'_>) -> ! {
    die(Code::Internal, 0, text, &|_| {})
}

/// Called in a forked child, where the thread that was writing a report does not exist.
pub fn adopt() {
    REPORTER.store(0, Relaxed);
}

/// How many milliseconds a thread waits for another's report.
const PATIENCE: u32 = 5000;

/// Claims the right to report. False for a thread that has it already: a signal handler that finds
/// something during a report.
fn begin() -> bool {
    let me = thread::number();
    for _ in 0..PATIENCE {
        match REPORTER.compare_exchange(0, me, Ordering::Acquire, Relaxed) {
            Ok(_) => return true,
            Err(first) if first == me => return false,
            // If that report ends the process, this thread waits for the end.
            Err(_) => calls::sleep(1),
        }
    }
    // The reporting thread may be waiting for a lock that this thread holds.
    false
}

fn end() {
    REPORTER.store(0, Ordering::Release);
}

/// Writes a report. The calling thread must be the reporter.
fn write(code: Code, at: usize, text: Arguments<'_>, detail: &dyn Fn(&mut Detail)) {
    let path = path::expand(PATH, calls::process_id().cast_signed());
    let file = path.as_ref().and_then(|path| file::open_to_append(path.as_bytes()));
    let asked = path.as_ref().map_or("", |path| path.as_str().trim_end_matches('\0'));
    let fd = file.unwrap_or(if valgrind::listens() { VALGRIND } else { libc::STDERR_FILENO });
    if file.is_none() && has_path() {
        say(format_args!("cannot write reports to '{asked}'"));
    }
    let text = format_args!("{code}: {text}");
    if fd == VALGRIND {
        // Memcheck adds what it knows of the block, and the stack.
        say_by_valgrind(line_of(text).as_bytes(), !valgrind::is_memcheck());
    } else {
        say_to(fd, text);
    }
    // SAFETY: the calling thread is the only reporter, and drops this below.
    let mut lines = Detail { fd, text: unsafe { &mut *BUFFER.0.get() } };
    lines.text.clear();
    lines.line(format_args!("in thread {} of process {}", thread::number(), calls::process_id()));
    detail(&mut lines);
    if fd == VALGRIND {
        lines.flush();
        return;
    }
    if at != 0 {
        lines.memory(at);
    }
    // Written before the capture: whatever that does, this much is kept.
    lines.flush();
    let mut frames = [0; FRAMES];
    let count = if code.is_of_a_call() { unwind::capture_carefully(&mut frames) } else { 0 };
    if count != 0 {
        lines.line(format_args!("called from"));
        lines.stack(&frames[..count]);
        lines.flush();
    }
    if let Some(fd) = file {
        file::close(fd);
    }
}

/// The first report is the only one: other threads that find something at the same time wait for the
/// end. If a program's SIGABRT handler does something wrong again, the process ends at once.
#[cfg(not(test))]
fn die(code: Code, at: usize, text: Arguments<'_>, detail: &dyn Fn(&mut Detail)) -> ! {
    if begin() {
        write(code, at, text, detail);
    }
    // SAFETY: abort never returns.
    unsafe { libc::abort() }
}

/// In the library's own tests a report is a panic, so that tests can expect it.
#[cfg(test)]
fn die(code: Code, _: usize, text: Arguments<'_>, _: &dyn Fn(&mut Detail)) -> ! {
    panic!("{code}: {text}")
}
