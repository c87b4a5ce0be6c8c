//! A thread's recorder: its blind heads, its chunk, and how a record is written.

#![allow(unsafe_code)]

use super::file::{self, Chunk};
use super::stacks;
use crate::base::pointer;
use crate::sys::blind::{Blind, Kind};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, clock, thread};
use crate::trace::unwind::Walks;
use core::sync::atomic::Ordering::Relaxed;
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
}

const _: () = assert!(core::mem::offset_of!(Recorder, outside) == 0);

/// All recorders, the newest first; where the next one stands, and where the memory for it ends. Changed under the lock of
/// the file.
static FIRST: AtomicPtr<Recorder> = AtomicPtr::new(core::ptr::null_mut());
static FREE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// From where on in the list the kernel is asked for threads that are gone.
static ASKED: AtomicPtr<Recorder> = AtomicPtr::new(core::ptr::null_mut());
/// How many it is asked for at a time.
const ASK: usize = 4;
/// Bytes of recorders that are mapped at a time.
const AREA: usize = 64 << 10;

/// The recorder whose outside head is at an address.
pub fn at(head: usize) -> &'static Recorder {
    // SAFETY: the head is the start of a recorder, but for what stands before the head. Recorders stay mapped.
    unsafe { pointer::to_ref(head & !(align_of::<Recorder>() - 1)) }
}

/// A recorder for the calling thread.
pub fn claim() -> Option<&'static Recorder> {
    let recorder = file::locked(|| orphan().or_else(make))??;
    recorder.last.store(0, Relaxed);
    recorder.turn.store(0, Relaxed);
    recorder.outside.set_cache(0);
    Some(recorder)
}

fn list(from: *mut Recorder) -> impl Iterator<Item = &'static Recorder> {
    // SAFETY: recorders stay mapped.
    let at = |place: *mut Recorder| unsafe { place.as_ref() };
    core::iter::successors(at(from), move |recorder| at(recorder.next.load(Relaxed)))
}

/// The recorder of a thread that is gone. Each call asks for a few, so that in the end all are asked for.
fn orphan() -> Option<&'static Recorder> {
    let from = ASKED.load(Relaxed);
    let from = if from.is_null() { FIRST.load(Relaxed) } else { from };
    let mut asked = list(from).take(ASK + 1);
    let found = asked.by_ref().take(ASK).find(|recorder| !calls::thread_lives(recorder.thread.load(Relaxed)));
    let next = asked.next().map_or(core::ptr::null_mut(), |recorder| core::ptr::from_ref(recorder).cast_mut());
    ASKED.store(next, Relaxed);
    let recorder = found?;
    recorder.thread.store(thread::number(), Relaxed);
    recorder.close();
    Some(recorder)
}

fn make() -> Option<&'static Recorder> {
    let [free, end] = FREE.each_ref().map(|word| word.load(Relaxed));
    let place = if free == end { Linux.map_guarded(AREA, Linux.page_size())? } else { free };
    if free == end {
        FREE[1].store(place + AREA / size_of::<Recorder>() * size_of::<Recorder>(), Relaxed);
    }
    FREE[0].store(place + size_of::<Recorder>(), Relaxed);
    let recorder = at(place);
    recorder.outside.begin(Kind::Outside);
    recorder.inside.begin(Kind::Inside);
    recorder.thread.store(thread::number(), Relaxed);
    recorder.next.store(FIRST.load(Relaxed), Relaxed);
    FIRST.store(core::ptr::from_ref(recorder).cast_mut(), Relaxed);
    Some(recorder)
}

/// In a forked child: all recorders were the parent's.
pub fn begin_in_child() {
    FIRST.store(core::ptr::null_mut(), Relaxed);
    ASKED.store(core::ptr::null_mut(), Relaxed);
    FREE.iter().for_each(|word| word.store(0, Relaxed));
}

impl Recorder {
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
            push(stacks::here(self.walks()).into());
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
        let chunk = file::take(file::CALLS, self.thread.load(Relaxed), turn, false)?;
        self.turn.store(turn + 1, Relaxed);
        self.used.store(0, Relaxed);
        self.last.store(chunk.began[0].load(Relaxed), Relaxed);
        self.chunk.store(core::ptr::from_ref(chunk).cast_mut(), Relaxed);
        Some(chunk)
    }

    /// Ends the chunk, if there is one.
    fn close(&self) {
        // SAFETY: null, or a chunk of this recorder, which stays mapped.
        if let Some(chunk) = unsafe { self.chunk.swap(core::ptr::null_mut(), Relaxed).as_ref() } {
            file::close(chunk);
        }
    }
}

const fn first(call: Call, address: usize) -> u64 {
    address as u64 & ADDRESS | (call as u64) << ADDRESS_BITS
}
