//! The depot keeps each stack once, under a number of 32 bits, its id.
//!
//! ```text
//!     heads    a chain for each hash             | id | id | ...
//!                                                  |
//!                                                  v
//!     record   | check 32 | next 32 | length | frame | frame | ...      an id is a record's place, in words
//!     chunks   | records ... | records ... | not mapped yet
//! ```
//!
//! Records are never changed or given back, so the frames of an id can be read without a lock. A new
//! record is written first, and then put at the head of its chain in one step. So there is no lock, and
//! a signal handler may interrupt at any point. If two threads add the same stack at the same time,
//! they share one record, and the words of the other are lost.
//!
//! An id may come from memory that a program has overwritten. So each is checked before it is trusted,
//! and a record must fit its hash.

#![allow(unsafe_code)]

use crate::base::pointer;
use crate::base::shared::{AtomicU64, AtomicUsize, Unshared};
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering;

/// The most frames of a record. Of a longer stack it keeps the first ones.
pub const FRAMES_MAX: usize = 64;
/// How many chains there are.
const HEADS: usize = if cfg!(feature = "models") { 1 << 9 } else { 1 << 15 };
/// Bytes of the chains' heads.
pub const HEADS_BYTES: usize = HEADS * size_of::<usize>();
/// Words of a chunk: 256 KiB. In models a page, as each of their runs makes a new one.
const CHUNK: usize = if cfg!(feature = "models") { 1 << 9 } else { 1 << 15 };
/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = CHUNK * size_of::<usize>();
/// At most 128 MiB: a million stacks of 15 frames.
pub const CHUNKS: usize = 512;
/// Words of a record before its frames.
pub(super) const HEADER: usize = 2;

/// Stacks and their ids.
pub struct Depot {
    /// The address of the heads; 0 before the first stack.
    pub(super) heads: AtomicUsize,
    /// The word after the last record. No record starts at 0.
    used: AtomicUsize,
    pub(super) chunks: [AtomicUsize; CHUNKS],
}

/// The start of a record.
#[repr(C)]
pub(super) struct Record {
    /// The check in the high half, and the id of the chain's next record in the low half.
    link: AtomicU64,
    pub(super) len: Unshared<usize>,
}

impl Depot {
    /// No stacks yet.
    pub const fn new() -> Self {
        Self { heads: AtomicUsize::new(0), used: AtomicUsize::new(0), chunks: [const { AtomicUsize::new(0) }; CHUNKS] }
    }

    /// The id of a stack, which is kept from then on; 0 if the stack is empty, or there is no room for more.
    pub fn intern(&self, source: &impl PageSource, frames: &[usize]) -> u32 {
        self.intern_new(source, frames).0
    }

    /// The same, and whether this call has added the stack.
    pub fn intern_new(&self, source: &impl PageSource, frames: &[usize]) -> (u32, bool) {
        let frames = &frames[..frames.len().min(FRAMES_MAX)];
        if frames.is_empty() {
            return (0, false);
        }
        self.find_or_add(source, frames).unwrap_or((0, false))
    }

    fn find_or_add(&self, source: &impl PageSource, frames: &[usize]) -> Option<(u32, bool)> {
        let hash = hash(frames);
        let head = &self.heads(source)?[hash as usize % HEADS];
        let mut first = head.load(Ordering::Acquire);
        if let Some(id) = self.find(first, 0, hash, frames) {
            return Some((id, false));
        }
        let (id, record) = self.add(source, hash, frames)?;
        loop {
            record.link.store(link(hash, first), Ordering::Relaxed);
            match head.compare_exchange(first, id as usize, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some((id, true)),
                Err(now) => {
                    // The records added meanwhile may include this stack.
                    if let Some(id) = self.find(now, first, hash, frames) {
                        return Some((id, false));
                    }
                    first = now;
                }
            }
        }
    }

    /// The frames of an id; none if it is 0 or not an id.
    pub fn frames(&self, id: u32) -> &'static [usize] {
        let frames = self.record(id).and_then(|record| self.frames_of(id, record));
        let Some(frames) = frames else { return &[] };
        // SAFETY: an `Unshared` has the layout of its content, and a record in a chain is never written
        // again. A record that is in no chain cannot be reached, and its id was never given out.
        let frames = unsafe { core::slice::from_raw_parts(frames.as_ptr().cast::<usize>(), frames.len()) };
        let check = self.record(id).map_or(0, |record| record.link.load(Ordering::Relaxed) >> 32);
        if check == hash(frames) >> 32 { frames } else { &[] }
    }

    /// Bytes of the records.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.used.load(Ordering::Relaxed).min(CHUNK * CHUNKS) * size_of::<usize>()
    }

    /// The id of a stack, if it is in a chain from the record `from` up to the record `end`.
    fn find(&self, from: usize, end: usize, hash: u64, frames: &[usize]) -> Option<u32> {
        let mut id = from;
        while id != end {
            let found = u32::try_from(id).ok()?;
            let record = self.record(found)?;
            let link = record.link.load(Ordering::Relaxed);
            let is_it = link >> 32 == hash >> 32
                && self
                    .frames_of(found, record)
                    .is_some_and(|kept| kept.iter().map(Unshared::get).eq(frames.iter().copied()));
            if is_it {
                return Some(found);
            }
            id = (link & u64::from(u32::MAX)) as usize;
        }
        None
    }

    /// A new record, in no chain.
    fn add(&self, source: &impl PageSource, hash: u64, frames: &[usize]) -> Option<(u32, &'static Record)> {
        let words = HEADER + frames.len();
        let mut used = self.used.load(Ordering::Relaxed);
        let id = loop {
            // No record crosses into the next chunk.
            let start = if used % CHUNK + words > CHUNK { used.next_multiple_of(CHUNK) } else { used.max(1) };
            if start + words > CHUNK * CHUNKS {
                return None;
            }
            match self.used.compare_exchange_weak(used, start + words, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break start,
                Err(now) => used = now,
            }
        };
        let chunk = mapped(&self.chunks[id / CHUNK], source, CHUNK_BYTES)?;
        let record = record_at(chunk, id % CHUNK);
        record.len.set(frames.len());
        for (place, &frame) in frames_at(chunk, id % CHUNK, frames.len()).iter().zip(frames) {
            place.set(frame);
        }
        record.link.store(link(hash, 0), Ordering::Relaxed);
        Some((u32::try_from(id).ok()?, record))
    }

    fn heads(&self, source: &impl PageSource) -> Option<&'static [AtomicUsize]> {
        let heads = mapped(&self.heads, source, HEADS_BYTES)?;
        // SAFETY: so many words, mapped as zeroes and used only as these atomics.
        Some(unsafe { core::slice::from_raw_parts(pointer::at(heads), HEADS) })
    }

    /// The record of an id, if there can be one.
    fn record(&self, id: u32) -> Option<&'static Record> {
        let place = id as usize % CHUNK;
        let chunk = self.chunks.get(id as usize / CHUNK)?.load(Ordering::Acquire);
        (id != 0 && chunk != 0 && place + HEADER < CHUNK).then(|| record_at(chunk, place))
    }

    fn frames_of(&self, id: u32, record: &Record) -> Option<&'static [Unshared<usize>]> {
        let (len, place) = (record.len.get(), id as usize % CHUNK);
        let chunk = self.chunks[id as usize / CHUNK].load(Ordering::Acquire);
        (len <= FRAMES_MAX && place + HEADER + len <= CHUNK).then(|| frames_at(chunk, place, len))
    }
}

impl Default for Depot {
    fn default() -> Self {
        Self::new()
    }
}

/// The address in a word. Its memory is mapped at the first call.
fn mapped(word: &AtomicUsize, source: &impl PageSource, bytes: usize) -> Option<usize> {
    let known = word.load(Ordering::Acquire);
    if known != 0 {
        return Some(known);
    }
    let new = source.map(0, bytes)?;
    match word.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(new),
        Err(now) => {
            // SAFETY: mapped above, and no other thread has seen it.
            unsafe { source.unmap(new, bytes) };
            Some(now)
        }
    }
}

fn record_at(chunk: usize, place: usize) -> &'static Record {
    // SAFETY: chunks are exposed, zeroed at first, never given back, and hold only words. The callers stay inside them.
    unsafe { pointer::to_ref(chunk + place * size_of::<usize>()) }
}

fn frames_at(chunk: usize, place: usize, len: usize) -> &'static [Unshared<usize>] {
    let first = pointer::at(chunk + (place + HEADER) * size_of::<usize>());
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts(first, len) }
}

fn link(hash: u64, next: usize) -> u64 {
    hash >> 32 << 32 | next as u64
}

/// The low half chooses the chain, the high half is the check.
fn hash(frames: &[usize]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = frames.len() as u64;
    for &frame in frames {
        hash = (hash.rotate_left(23) ^ frame as u64).wrapping_mul(K);
        hash ^= hash >> 32;
    }
    hash.wrapping_mul(K) ^ hash >> 29
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::*;
    use crate::sys::fake::Fake;
    use std::boxed::Box;
    use std::collections::HashMap;
    use std::vec::Vec;

    /// The most memory that a depot takes.
    const ALL: usize = CHUNKS * CHUNK_BYTES + HEADS * size_of::<usize>();

    fn stack(seed: usize) -> Vec<usize> {
        (0..1 + seed % 20).map(|frame| 0x40_0000 + (seed / 3) * 0x1234 + frame * 0x77).collect()
    }

    #[test]
    fn a_stack_has_one_number_and_a_number_one_stack() {
        let (source, depot) = (Fake::new(64 * CHUNK_BYTES), Box::new(Depot::new()));
        let mut ids = HashMap::new();
        let stacks = if cfg!(miri) { 300 } else { 30_000 };
        for seed in 0..stacks {
            let frames = stack(seed);
            let id = depot.intern(&source, &frames);
            assert_ne!(id, 0);
            assert_eq!(*ids.entry(frames).or_insert(id), id);
        }
        assert!(ids.len() > stacks / 3 * 2 && (depot.bytes() > CHUNK_BYTES || cfg!(miri)));
        for (frames, &id) in &ids {
            assert_eq!(depot.frames(id), frames);
            assert_eq!(depot.intern(&source, frames), id);
        }
        dissolve(&depot, &source);
    }

    #[test]
    fn no_stack_is_no_number_and_a_long_one_is_cut() {
        let (source, depot) = (Fake::new(4 * CHUNK_BYTES), Box::new(Depot::new()));
        assert_eq!(depot.intern(&source, &[]), 0);
        assert_eq!(depot.bytes(), 0);
        let long: Vec<usize> = (1..200).collect();
        let id = depot.intern(&source, &long);
        assert_eq!(depot.frames(id), &long[..FRAMES_MAX]);
        dissolve(&depot, &source);
    }

    #[test]
    fn what_is_no_number_has_no_frames() {
        let (source, depot) = (Fake::new(4 * CHUNK_BYTES), Box::new(Depot::new()));
        assert_eq!([0, 1, 77, u32::MAX].map(|id| depot.frames(id).len()), [0; 4]);
        let ids = [0x5000, 0x6000, 0x7000].map(|first| depot.intern(&source, &[first, 1, 2, 64, 3]));
        let most = if cfg!(miri) { 40 } else { CHUNK };
        for id in 0..=u32::try_from(most).unwrap() {
            assert_eq!(depot.frames(id).len(), if ids.contains(&id) { 5 } else { 0 }, "{id}");
        }
        dissolve(&depot, &source);
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills hundreds of megabytes")]
    fn a_full_depot_still_knows_what_it_has() {
        let (source, depot) = (Fake::new(ALL + CHUNK_BYTES), Box::new(Depot::new()));
        let mut frames = [0x1000; FRAMES_MAX];
        let mut ids = Vec::new();
        let refused = (0..).find(|&seed| {
            frames[3] = seed;
            ids.push(depot.intern(&source, &frames));
            ids[seed] == 0
        });
        let refused = refused.unwrap();
        assert_eq!(refused, CHUNKS * (CHUNK / (FRAMES_MAX + HEADER)));
        for seed in [0, 1, refused / 2, refused - 1] {
            frames[3] = seed;
            assert_eq!(depot.intern(&source, &frames), ids[seed]);
            assert_eq!(depot.frames(ids[seed]), frames);
        }
        dissolve(&depot, &source);
    }

    #[test]
    fn where_there_is_no_memory_there_is_no_number() {
        let depot = Box::new(Depot::new());
        let source = Fake::new(CHUNK_BYTES);
        // The heads take all of it.
        assert_eq!((depot.intern(&source, &[1, 2]), depot.intern(&source, &[1, 2])), (0, 0));
        dissolve(&depot, &source);
    }

    /// Gives everything back, as the fake source counts.
    fn dissolve(depot: &Depot, source: &Fake) {
        let chunks = depot.chunks.iter().map(|chunk| (chunk, CHUNK_BYTES));
        for (word, bytes) in chunks.chain([(&depot.heads, HEADS * size_of::<usize>())]) {
            let address = word.swap(0, Ordering::Relaxed);
            // SAFETY: the test is over.
            assert!(address == 0 || unsafe { source.unmap(address, bytes) });
        }
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::sys::fake::Fake;
    use std::rc::Rc;

    static DEPOT: Depot = Depot::new();

    /// Two stacks of one chain.
    fn neighbours() -> [[usize; 1]; 2] {
        let first = [0x1000];
        let chain = hash(&first) as usize % HEADS;
        let second = (0..).map(|frame| [frame]).find(|stack| hash(stack) as usize % HEADS == chain && *stack != first);
        [first, second.unwrap()]
    }

    #[test]
    fn two_threads_with_one_stack_have_one_number() {
        model(2, || {
            let source = Rc::new(Fake::new(4 * CHUNK_BYTES));
            let other = source.clone();
            let thread = loom::thread::spawn(move || DEPOT.intern(&*other, &[0x1000]));
            let id = DEPOT.intern(&*source, &[0x1000]);
            assert_ne!(id, 0);
            assert_eq!(thread.join().unwrap(), id);
        });
    }

    #[test]
    fn a_chain_that_two_threads_add_to_keeps_both_stacks() {
        let stacks = neighbours();
        model(2, move || {
            let source = Rc::new(Fake::new(4 * CHUNK_BYTES));
            let other = source.clone();
            let thread = loom::thread::spawn(move || DEPOT.intern(&*other, &stacks[1]));
            let first = DEPOT.intern(&*source, &stacks[0]);
            // The other thread's record is whole, if it is there already.
            let early = DEPOT.intern(&*source, &stacks[1]);
            let second = thread.join().unwrap();
            assert!(first != 0 && second != 0 && first != second);
            assert_eq!(early, second);
            assert_eq!(DEPOT.intern(&*source, &stacks[0]), first);
        });
    }
}
