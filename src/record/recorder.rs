//! A thread's recorder: its blind heads, its chunk, and how a record is written.

#![allow(unsafe_code)]

use super::file::{self, Chunk};
use super::stacks::{self, Writer};
use crate::base::pointer;
use crate::sys::blind::{Blind, Kind};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, clock, thread};
use crate::trace::unwind::Walks;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// What a record is of. See docs/design/trace.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Call {
    Malloc = 1,
    Calloc = 2,
    Aligned = 3,
    New = 4,
    Realloc = 5,
    Free = 6,
    Delete = 7,
}

const ADDRESS_BITS: u32 = 48;
const ADDRESS: u64 = (1 << ADDRESS_BITS) - 1;
const TICKS_AT: u32 = ADDRESS_BITS + 4;
/// From so many ticks on a record of the time comes first.
const TICKS: u64 = 1 << (u64::BITS - TICKS_AT);
const SIZE_BITS: u32 = 40;
const SIZE: u64 = (1 << SIZE_BITS) - 1;
/// The most words of a record, with one of the time.
const LONGEST: usize = 5;

/// A thread's recorder. Only its thread uses its words, but for `thread` and `next`.
#[repr(C)]
pub struct Recorder {
    /// The cache pointer leads here between calls.
    pub outside: Blind,
    /// It leads here in a call of a thread without a cache.
    pub inside: Blind,
    chunk: AtomicPtr<Chunk>,
    /// Words of the chunk that are used.
    used: AtomicUsize,
    /// When the last record was written, in ticks.
    last: AtomicU64,
    /// How many chunks the thread has had.
    turn: AtomicU32,
    /// The thread's number.
    thread: AtomicU32,
    next: AtomicPtr<Recorder>,
    /// The address of the thread's last walks; 0 for none.
    walks: AtomicUsize,
    stacks: Writer,
}

const _: () = assert!(core::mem::offset_of!(Recorder, outside) == 0);

/// All recorders, the newest first.
static FIRST: AtomicPtr<Recorder> = AtomicPtr::new(null_mut());
/// Where recorders stand that nobody has had yet: the address of an area plus how many of its recorders are taken.
static AREA: AtomicUsize = AtomicUsize::new(0);
/// From which recorder on the kernel is asked for threads that are gone.
static ASKED: AtomicUsize = AtomicUsize::new(0);
/// How many it is asked for at a time.
const ASK: usize = 4;

/// The recorder whose outside head is at an address.
pub fn at(head: usize) -> &'static Recorder {
    // SAFETY: the head is the start of a recorder, but for what stands before the head. Recorders stay mapped.
    unsafe { pointer::to_ref(head & !(align_of::<Recorder>() - 1)) }
}

/// A recorder for the calling thread.
pub fn claim() -> Option<&'static Recorder> {
    let recorder = orphan().or_else(make)?;
    recorder.outside.set_cache(0);
    Some(recorder)
}

fn list() -> impl Iterator<Item = &'static Recorder> {
    // SAFETY: recorders stay mapped.
    let at = |place: *mut Recorder| unsafe { place.as_ref() };
    core::iter::successors(at(FIRST.load(Acquire)), move |recorder| at(recorder.next.load(Relaxed)))
}

/// The recorder of a thread that is gone. Each call asks for a few, so that in the end all are asked for.
fn orphan() -> Option<&'static Recorder> {
    let from = ASKED.load(Relaxed);
    let mut asked = 0;
    let found = list().skip(from).take(ASK).find(|recorder| {
        asked += 1;
        let thread = recorder.thread.load(Relaxed);
        let is_gone = !calls::thread_lives(thread);
        is_gone && recorder.thread.compare_exchange(thread, thread::number(), Acquire, Relaxed).is_ok()
    });
    // At the end of the list it begins again.
    ASKED.store(if found.is_none() && asked < ASK { 0 } else { from + asked }, Relaxed);
    let recorder = found?;
    recorder.close();
    recorder.begin();
    Some(recorder)
}

fn make() -> Option<&'static Recorder> {
    let recorder = at(place()?);
    recorder.outside.begin(Kind::Outside);
    recorder.inside.begin(Kind::Inside);
    recorder.begin();
    recorder.list();
    Some(recorder)
}

/// A place for a new recorder.
fn place() -> Option<usize> {
    const BYTES: usize = 64 << 10;
    const COUNT: usize = BYTES / size_of::<Recorder>();
    const PAGE: usize = 4096;
    const _: () = assert!(COUNT < PAGE);
    loop {
        let now = AREA.load(Acquire);
        let (area, taken) = (now - now % PAGE, now % PAGE);
        if area != 0 && taken < COUNT {
            if AREA.compare_exchange(now, now + 1, AcqRel, Relaxed).is_ok() {
                return Some(area + taken * size_of::<Recorder>());
            }
            continue;
        }
        let new = Linux.map_guarded(BYTES, Linux.page_size())?;
        if AREA.compare_exchange(now, new + 1, AcqRel, Relaxed).is_ok() {
            return Some(new);
        }
        // SAFETY: mapped above, and no other thread has seen it.
        unsafe { Linux.unmap_guarded(new, BYTES) };
    }
}

/// In a forked child: all recorders were the parent's, but for that of the thread that has forked.
pub fn begin_in_child(mine: Option<&'static Recorder>) {
    FIRST.store(null_mut(), Relaxed);
    AREA.store(0, Relaxed);
    if let Some(recorder) = mine {
        recorder.chunk.store(null_mut(), Relaxed);
        recorder.stacks.begin_in_child();
        // They have numbers of stacks that are in the parent's file.
        recorder.walks.store(0, Relaxed);
        recorder.begin();
        recorder.list();
    }
}

impl Recorder {
    /// Makes it the calling thread's.
    fn begin(&self) {
        self.thread.store(thread::number(), Relaxed);
        self.turn.store(0, Relaxed);
    }

    /// Puts it into the list.
    fn list(&self) {
        let this = core::ptr::from_ref(self).cast_mut();
        let push = |first| {
            self.next.store(first, Relaxed);
            Some(this)
        };
        let _ = FIRST.fetch_update(Release, Relaxed, push);
    }

    /// Writes down an allocation, which `old` was given back for.
    pub fn allocation(&self, call: Call, address: usize, size: usize, align: usize, old: usize) {
        let align = if align == 0 { 0 } else { align.trailing_zeros() };
        let mut words = [0; LONGEST - 1];
        let mut len = 0;
        let mut push = |word: u64| {
            words[len] = word;
            len += 1;
        };
        push(first(call, address));
        push((size as u64).min(SIZE) | u64::from(align) << SIZE_BITS);
        if call == Call::Realloc {
            push(old as u64 & ADDRESS);
        }
        if stacks::are_recorded() {
            push(self.walks().map_or(0, |walks| self.stacks.here(walks)).into());
        }
        self.write(&words[..len]);
    }

    /// The thread's last walks.
    fn walks(&self) -> Option<&Walks> {
        let mut address = self.walks.load(Relaxed);
        if address == 0 {
            let bytes = size_of::<Walks>().next_multiple_of(Linux.page_size());
            address = Linux.map_guarded(bytes, Linux.page_size())?;
            self.walks.store(address, Relaxed);
        }
        // SAFETY: mapped for this alone, zeroes are no walks, and no other thread uses them.
        Some(unsafe { pointer::to_ref(address) })
    }

    /// Writes down that an address is given back.
    pub fn free(&self, call: Call, address: usize) {
        self.write(&[first(call, address)]);
    }

    #[inline]
    fn write(&self, words: &[u64]) {
        let now = clock::ticks();
        let Some(chunk) = self.chunk_with_room() else { return file::miss() };
        let mut used = self.used.load(Relaxed);
        // A chunk may have begun since.
        let last = self.last.load(Relaxed);
        let mut passed = now.saturating_sub(last);
        if passed >= TICKS {
            chunk.write(used, passed & ADDRESS);
            (used, passed) = (used + 1, 0);
        }
        for (at, &word) in words.iter().enumerate() {
            chunk.write(used + at, if at == 0 { word | passed << TICKS_AT } else { word });
        }
        used += words.len();
        self.used.store(used, Relaxed);
        self.last.store(now.max(last), Relaxed);
        chunk.set_words(used);
    }

    /// The chunk, with room for a record.
    #[inline]
    fn chunk_with_room(&self) -> Option<&'static Chunk> {
        // SAFETY: null, or a chunk of this recorder, which stays mapped.
        let chunk = unsafe { self.chunk.load(Relaxed).as_ref() };
        if chunk.is_some() && self.used.load(Relaxed) + LONGEST <= file::WORDS {
            return chunk;
        }
        self.next_chunk()
    }

    #[cold]
    #[inline(never)]
    fn next_chunk(&self) -> Option<&'static Chunk> {
        self.close();
        let turn = self.turn.load(Relaxed);
        let chunk = file::take(file::CALLS, self.thread.load(Relaxed), turn)?;
        self.turn.store(turn + 1, Relaxed);
        self.used.store(0, Relaxed);
        self.last.store(chunk.began[0].load(Relaxed), Relaxed);
        self.chunk.store(core::ptr::from_ref(chunk).cast_mut(), Relaxed);
        Some(chunk)
    }

    /// Ends the chunk, if there is one.
    fn close(&self) {
        // SAFETY: null, or a chunk of this recorder, which stays mapped.
        if let Some(chunk) = unsafe { self.chunk.swap(null_mut(), Relaxed).as_ref() } {
            file::close(chunk);
        }
    }
}

const fn first(call: Call, address: usize) -> u64 {
    address as u64 & ADDRESS | (call as u64) << ADDRESS_BITS
}
