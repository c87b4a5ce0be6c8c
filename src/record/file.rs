//! The file of the recording: its head, and its chunks, which threads take one by one.
//!
//! The file is mapped in windows as it grows. A window has room on the disk before anybody writes to it. What is written
//! is in the file at once, so nothing has to be written at the end, and a kill loses nothing.

#![allow(unsafe_code)]

use super::path::{self, Full};
use crate::base::pointer;
use crate::process::recording;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, clock, file, thread, valgrind};
use crate::trace::report;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};

/// Bytes of a chunk, and of the head.
pub const CHUNK: usize = 64 << 10;
/// The first windows, and all that follow: how many bytes.
const SMALL: usize = 256 << 10;
const LARGE: usize = 16 << 20;
/// How many small ones there are: as much as a large one.
const SMALLS: usize = LARGE / SMALL;
/// At most 64 GiB: some five billion calls.
const WINDOWS: usize = 4096;
/// Where the text of /proc/self/maps stands in the head.
const MAPS: usize = 4096;
/// The text is written again with each so many chunks: libraries come while a program runs.
const MAPS_EVERY: usize = 64;

/// What the file begins with.
pub const MAGIC: [u8; 16] = *b"metes trace raw\n";

/// The head. See docs/design/trace.md.
#[repr(C)]
struct Head {
    magic: [AtomicU64; 2],
    version: AtomicU64,
    pid: AtomicU64,
    chunks: AtomicU64,
    ticks: AtomicU64,
    monotonic: AtomicU64,
    real: AtomicU64,
    shift: AtomicU64,
    ended: AtomicU64,
    missed: AtomicU64,
    stopped: AtomicU64,
    frames: AtomicU64,
    maps: AtomicU64,
}

/// A chunk's head. See docs/design/trace.md.
#[repr(C)]
pub struct Chunk {
    /// `CALLS` or `STACKS`.
    pub kind: AtomicU32,
    pub thread: AtomicU32,
    pub turn: AtomicU32,
    pub closed: AtomicU32,
    pub bytes: AtomicU64,
    pub began: [AtomicU64; 2],
    pub ended: [AtomicU64; 2],
    pub spare: AtomicU64,
}

/// What a chunk has: records of calls, or stacks.
pub const CALLS: u32 = 1;
pub const STACKS: u32 = 2;

/// Words of records that a chunk has room for.
pub const WORDS: usize = (CHUNK - size_of::<Chunk>()) / size_of::<u64>();

const _: () = assert!(size_of::<Chunk>() == 64 && core::mem::offset_of!(Head, maps) == 104);

/// How far the recording has come.
static STATE: AtomicU8 = AtomicU8::new(UNBEGUN);
const UNBEGUN: u8 = 0;
const BEGINNING: u8 = 1;
const ON: u8 = 2;
const OFF: u8 = 3;

/// What a process has that is recorded: others need no memory for it.
struct Memory {
    /// The addresses of the windows; 0 for those that are not there yet.
    windows: [AtomicUsize; WINDOWS],
    /// The file's path, set before `ON`.
    path: UnsafeCell<Full>,
}

// SAFETY: the path is written by the one thread that begins, and read afterwards.
unsafe impl Sync for Memory {}

/// The address of the memory; 0 before the recording begins.
static MEMORY: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread writes the text of the maps. There is no lock: a fork must not wait, and nobody for a fork.
static WRITING: AtomicBool = AtomicBool::new(false);

/// Whether calls are recorded. The first call makes the file.
#[inline]
pub fn is_on() -> bool {
    match STATE.load(Acquire) {
        ON => true,
        UNBEGUN => begin(),
        _ => false,
    }
}

#[cold]
#[inline(never)]
fn begin() -> bool {
    let first = STATE.compare_exchange(UNBEGUN, BEGINNING, AcqRel, Relaxed).is_ok();
    if !first || cfg!(miri) {
        return false;
    }
    let process = calls::process_id();
    // A signal handler may fork meanwhile: then the file is the parent's.
    let begun = !valgrind::runs() && make() && calls::process_id() == process;
    STATE.store(if begun { ON } else { OFF }, Release);
    begun
}

fn make() -> bool {
    let Some(path) = recording::file(calls::process_id().cast_signed()) else { return false };
    let Some(full) = path::make(&path) else {
        let path = path.as_str().trim_end_matches('\0');
        report::say(format_args!("cannot make the trace '{path}': it must not be there yet"));
        return false;
    };
    let memory = memory().or_else(|| {
        let bytes = size_of::<Memory>().next_multiple_of(Linux.page_size());
        MEMORY.store(Linux.map_guarded(bytes, Linux.page_size())?, Release);
        memory()
    });
    let head = memory.and_then(|memory| {
        // SAFETY: this thread alone begins, and nobody reads before it has.
        unsafe { memory.path.get().write(full) };
        memory.windows[0].store(window(memory, 0)?, Release);
        head()
    });
    let Some(head) = head else {
        say_full();
        return false;
    };
    head.version.store(1, Relaxed);
    head.pid.store(calls::process_id().into(), Relaxed);
    head.ticks.store(clock::ticks(), Relaxed);
    head.monotonic.store(clock::nanoseconds(libc::CLOCK_MONOTONIC), Relaxed);
    head.real.store(clock::nanoseconds(libc::CLOCK_REALTIME), Relaxed);
    head.shift.store(clock::SHIFT.into(), Relaxed);
    head.frames.store(recording::depth() as u64, Relaxed);
    write_maps(head);
    for (word, part) in head.magic.iter().zip(MAGIC.chunks_exact(8)) {
        word.store(u64::from_le_bytes(part.try_into().unwrap_or_default()), Release);
    }
    true
}

fn memory() -> Option<&'static Memory> {
    let address = MEMORY.load(Acquire);
    // SAFETY: mapped for this alone, and stays; zeroes are no windows and an empty path.
    (address != 0).then(|| unsafe { pointer::to_ref(address) })
}

fn head() -> Option<&'static Head> {
    let address = memory()?.windows[0].load(Acquire);
    // SAFETY: the first window begins with the head, all of which is atomics. It stays mapped.
    (address != 0).then(|| unsafe { pointer::to_ref(address) })
}

/// Where a window begins in the file, and its bytes.
fn place(window: usize) -> (usize, usize) {
    if window < SMALLS { (window * SMALL, SMALL) } else { ((window - SMALLS + 1) * LARGE, LARGE) }
}

/// Maps a window.
fn window(memory: &Memory, index: usize) -> Option<usize> {
    let (offset, len) = place(index);
    // SAFETY: written before the recording began.
    let path = unsafe { &*memory.path.get() };
    file::map_more(path.as_bytes(), offset, len)
}

/// The address of a window, which is mapped if it is not yet.
fn mapped(memory: &Memory, index: usize) -> Option<usize> {
    let slot = memory.windows.get(index)?;
    let known = slot.load(Acquire);
    if known != 0 {
        return Some(known);
    }
    let new = window(memory, index)?;
    match slot.compare_exchange(0, new, AcqRel, Acquire) {
        Ok(_) => Some(new),
        Err(now) => {
            // SAFETY: mapped above, and no other thread has seen it.
            unsafe { file::unmap(new, place(index).1) };
            Some(now)
        }
    }
}

/// A new chunk, which only the caller has; zero but for its kind, its thread and the time. `None` where the file cannot
/// grow: recording is over then.
pub fn take(kind: u32, thread: u32, turn: u32) -> Option<&'static Chunk> {
    let head = head()?;
    let index = usize::try_from(head.chunks.fetch_add(1, Relaxed)).ok()?;
    let offset = (index + 1) * CHUNK;
    let window_index = if offset < LARGE { offset / SMALL } else { SMALLS - 1 + offset / LARGE };
    let address = mapped(memory()?, window_index).or_else(stop)?;
    // SAFETY: within the window, and no other thread gets this index.
    let chunk: &'static Chunk = unsafe { pointer::to_ref(address + offset - place(window_index).0) };
    chunk.thread.store(thread, Relaxed);
    chunk.turn.store(turn, Relaxed);
    note_time(&chunk.began);
    chunk.kind.store(kind, Release);
    if index % MAPS_EVERY == MAPS_EVERY - 1 {
        write_maps(head);
    }
    Some(chunk)
}

/// Ends a chunk. Its pages are no longer the process's.
pub fn close(chunk: &'static Chunk) {
    note_time(&chunk.ended);
    chunk.closed.store(1, Release);
    file::let_go(core::ptr::from_ref(chunk).addr(), CHUNK);
}

fn note_time(time: &[AtomicU64; 2]) {
    time[0].store(clock::ticks(), Relaxed);
    time[1].store(clock::nanoseconds(libc::CLOCK_MONOTONIC), Relaxed);
}

impl Chunk {
    /// Writes a word of a record. It counts when `set_words` has counted it.
    #[inline]
    pub fn write(&self, at: usize, word: u64) {
        debug_assert!(at < WORDS);
        let records = pointer::at_mut::<u64>(core::ptr::from_ref(self).addr() + size_of::<Self>());
        // SAFETY: within the chunk, which is the caller's.
        unsafe { records.add(at).write(word.to_le()) };
    }

    /// Says how many words of whole records there are.
    #[inline]
    pub fn set_words(&self, words: usize) {
        self.bytes.store((words * size_of::<u64>()) as u64, Release);
    }
}

/// Stops, as the file cannot grow.
#[cold]
fn stop<T>() -> Option<T> {
    if STATE.swap(OFF, AcqRel) == ON {
        if let Some(head) = head() {
            head.stopped.store(1, Relaxed);
        }
        say_full();
    }
    None
}

fn say_full() {
    report::say(format_args!("the trace ends here: its file cannot grow"));
}

/// Writes down which files are mapped where.
fn write_maps(head: &Head) {
    let text = pointer::at_mut::<u8>(core::ptr::from_ref(head).addr() + MAPS);
    if WRITING.swap(true, Acquire) {
        return;
    }
    // SAFETY: the part of the head that is for this text alone; one thread at a time writes to it.
    let room = unsafe { core::slice::from_raw_parts_mut(text, CHUNK - MAPS) };
    head.maps.store(file::read_into(b"/proc/self/maps\0", room) as u64, Relaxed);
    WRITING.store(false, Release);
}

/// Counts a call that could not be written down.
pub fn miss() {
    if let Some(head) = head() {
        head.missed.fetch_add(1, Relaxed);
    }
}

/// At the exit. What other threads still do is written down, too.
pub fn finish() {
    if STATE.load(Acquire) == ON
        && let Some(head) = head()
    {
        write_maps(head);
        head.ended.store(1, Release);
    }
}

/// In a forked child: the file is the parent's. A child has one of its own where the option has `%p`, else none.
pub fn begin_in_child() {
    WRITING.store(false, Relaxed);
    if STATE.load(Acquire) != ON {
        return;
    }
    let windows = memory().into_iter().flat_map(|memory| &memory.windows).enumerate();
    for (index, slot) in windows {
        let address = slot.swap(0, Relaxed);
        if address != 0 {
            // A signal handler may have forked while its thread wrote a record.
            file::part_from(address, place(index).1);
        }
    }
    debug_assert!(thread::is_forking());
    STATE.store(if recording::has_file_for_each() { UNBEGUN } else { OFF }, Release);
}
