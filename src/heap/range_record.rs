//! Range records: the out-of-line records of what metes got from the operating system, one for each region and each
//! mapping.
//!
//! Records come from guarded chunks of their own, which nothing else uses and which are never given back. So a record
//! that was looked up stays readable, whatever happens to what it describes. The pool is lock-free: a stack of free
//! records, whose head carries a tag against ABA, and a bump counter in the newest chunk. So it needs no care in fork
//! or in signal handlers: interrupted anywhere, it loses one record at most.

#![allow(unsafe_code)]

use crate::base::config::UNIT;
use crate::base::pointer;
use crate::base::shared::{AtomicU32, AtomicU64, AtomicUsize, fence};
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering;

/// What a range record describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// Nothing: the record is free, or a thread is at work on it.
    Nothing = 0,
    /// A region of a heap.
    Region = 1,
    /// A mapping in use.
    Mapping = 2,
    /// A mapping that the system did not take back, and that waits to be used again.
    Retained = 3,
    /// The pool of guarded blocks.
    Guarded = 4,
    /// A range of a destroyed compartment. Nobody may touch it.
    Destroyed = 5,
}

/// A range record. The owner of what it describes writes its fields, and any thread may read them.
#[repr(C, align(64))]
pub struct RangeRecord {
    pub(super) state: AtomicU32,
    /// Regions: the index of the arena whose heap owns it.
    pub arena: AtomicU32,
    /// The first address.
    pub start: AtomicUsize,
    /// The length in bytes.
    pub len: AtomicUsize,
    /// Regions: all bytes from here on are zero, except a last boundary tag and the fence. Mappings: the bytes asked
    /// for.
    pub untouched_from: AtomicUsize,
    /// Regions: 1 if the region is joined to the one before, so a block may reach across. Mappings of checked blocks: 1
    /// if the page before it is reserved for it.
    pub joined: AtomicU32,
    /// Regions: what it has asked for of huge pages. See `huge`.
    pub asked: AtomicU32,
    /// Regions: the heap's next region. Free records: the next free one.
    pub next: AtomicUsize,
    /// Regions: a bit for each part that has asked for huge pages and may never be touched.
    pub owed: AtomicU64,
    /// Regions: a bit for each part that was seen to be touched.
    pub seen: AtomicU64,
}

const _: () = assert!(size_of::<RangeRecord>() == 64);

/// In a region's `arena`: the region is of the compartment of this number, and of no arena.
pub const COMPARTMENT: u32 = 1 << 31;

/// The low bits are the kind. The rest counts changes, so that a reader can tell whether all that it saw belongs
/// together.
const KIND_BITS: u32 = 3;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;

fn changed(state: u32, kind: Kind) -> u32 {
    (state & !KIND_MASK).wrapping_add(1 << KIND_BITS) | kind as u32
}

impl RangeRecord {
    /// Mappings: notes how many bytes were asked for, in the place of `untouched_from`.
    pub fn set_wanted(&self, n: usize) {
        self.untouched_from.store(n, Ordering::Relaxed);
    }

    /// Mappings: how many bytes were asked for.
    pub fn wanted(&self) -> usize {
        self.untouched_from.load(Ordering::Relaxed).min(self.len())
    }

    /// What it describes now.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.state() & KIND_MASK {
            1 => Kind::Region,
            2 => Kind::Mapping,
            3 => Kind::Retained,
            4 => Kind::Guarded,
            5 => Kind::Destroyed,
            _ => Kind::Nothing,
        }
    }

    /// Regions and destroyed ranges: the number of their compartment; `None` for a region of an arena.
    #[inline]
    pub fn compartment(&self) -> Option<usize> {
        let arena = self.arena.load(Ordering::Relaxed);
        (arena & COMPARTMENT != 0).then_some((arena & !COMPARTMENT) as usize)
    }

    /// Whether it describes a region of the compartment with this number.
    #[inline(always)]
    pub fn is_region_of(&self, compartment: usize) -> bool {
        self.arena.load(Ordering::Relaxed) as usize == compartment | COMPARTMENT as usize && self.is_region()
    }

    /// Whether it describes a region of the heap of the arena with this index.
    #[inline(always)]
    pub fn is_region_of_arena(&self, arena: usize) -> bool {
        self.arena.load(Ordering::Relaxed) as usize == arena && self.is_region()
    }

    /// Whether it describes a region of a heap.
    #[inline]
    pub fn is_region(&self) -> bool {
        self.kind() == Kind::Region
    }

    /// The kind and the number of changes so far. If they are the same before and after, nothing changed in between.
    #[inline]
    pub fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    /// Publishes the kind, after the other fields. The caller owns the record.
    pub fn set_kind(&self, kind: Kind) {
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(changed(state, kind), Ordering::Release);
    }

    /// Claims a record of `kind` for a change: the kind becomes `Nothing`. Only one caller gets it.
    pub fn claim(&self, kind: Kind) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        state & KIND_MASK == kind as u32 && self.claim_unchanged(state)
    }

    /// The same for a record that has not changed since `state` was read. So what was read of it since is true.
    pub fn claim_unchanged(&self, state: u32) -> bool {
        let new = changed(state, Kind::Nothing);
        let claimed = self.state.compare_exchange(state, new, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        // A thread that reads what is written from here on sees that the state has changed.
        fence(Ordering::Release);
        claimed
    }

    /// Whether the record has not changed since `state` was read. Then what was read of it since belongs together.
    pub fn is_unchanged(&self, state: u32) -> bool {
        fence(Ordering::Acquire);
        self.state.load(Ordering::Relaxed) == state
    }

    /// The first address.
    #[inline]
    pub fn start(&self) -> usize {
        self.start.load(Ordering::Relaxed)
    }

    /// The length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// The address after the last.
    #[inline]
    pub fn end(&self) -> usize {
        self.start() + self.len()
    }

    /// Whether `address` lies in the range.
    pub fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.start()) < self.len()
    }
}

/// The head of a chunk, in the place of the first record.
#[repr(C, align(64))]
struct Chunk {
    next: AtomicUsize,
    used: AtomicUsize,
}

pub(super) const CHUNK: usize = UNIT;
const RECORDS: usize = CHUNK / 64 - 1;
const INDEX_BITS: u32 = 42;

/// The pool of records.
pub struct RecordPool {
    free: AtomicU64,
    pub(super) chunks: AtomicUsize,
}

impl RecordPool {
    /// A pool without chunks.
    pub const fn new() -> Self {
        Self { free: AtomicU64::new(0), chunks: AtomicUsize::new(0) }
    }

    /// A free record, of kind `Nothing`. `None` if the source has no more memory.
    pub fn take(&self, source: &impl PageSource) -> Option<&'static RangeRecord> {
        self.pop().or_else(|| self.bump(source))
    }

    fn pop(&self) -> Option<&'static RangeRecord> {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let record = record_at(head & ((1 << INDEX_BITS) - 1))?;
            let next = record.next.load(Ordering::Relaxed) as u64 >> 6;
            let new = tagged(head, next);
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(record),
                Err(now) => head = now,
            }
        }
    }

    /// Puts a record back. Nothing may point at it any more.
    pub fn put(&self, record: &'static RangeRecord) {
        record.set_kind(Kind::Nothing);
        let address = pointer::expose(record) as u64;
        let mut head = self.free.load(Ordering::Relaxed);
        loop {
            let next = usize::try_from((head & ((1 << INDEX_BITS) - 1)) << 6).unwrap_or(0);
            record.next.store(next, Ordering::Relaxed);
            let new = tagged(head, address >> 6);
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn bump(&self, source: &impl PageSource) -> Option<&'static RangeRecord> {
        loop {
            let head = self.chunks.load(Ordering::Acquire);
            if let Some(chunk) = chunk(head) {
                let index = chunk.used.fetch_add(1, Ordering::Relaxed);
                if index < RECORDS {
                    return record_at((head as u64 >> 6) + 1 + index as u64);
                }
                chunk.used.store(RECORDS, Ordering::Relaxed);
            }
            let new = source.map_guarded(CHUNK, source.page_size())?;
            // A fresh chunk is zero, so no record of it is used.
            let header = chunk(new)?;
            header.next.store(head, Ordering::Relaxed);
            if self.chunks.compare_exchange(head, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: mapped above, and no other thread has seen it.
                unsafe { source.unmap_guarded(new, CHUNK) };
            }
        }
    }

    /// Calls `f` with every record ever taken, free ones included, until it returns true, and returns that record.
    pub fn find(&self, mut f: impl FnMut(&'static RangeRecord) -> bool) -> Option<&'static RangeRecord> {
        let mut address = self.chunks.load(Ordering::Acquire);
        while let Some(chunk) = chunk(address) {
            for index in 0..chunk.used.load(Ordering::Relaxed).min(RECORDS) {
                let record = record_at((address as u64 >> 6) + 1 + index as u64)?;
                if f(record) {
                    return Some(record);
                }
            }
            address = chunk.next.load(Ordering::Relaxed);
        }
        None
    }

    /// Gives the chunks back: only for tests, whose fake source counts.
    #[cfg(test)]
    pub fn dissolve(&self, source: &impl PageSource) {
        let mut address = self.chunks.swap(0, Ordering::Relaxed);
        self.free.store(0, Ordering::Relaxed);
        while let Some(chunk) = chunk(address) {
            let next = chunk.next.load(Ordering::Relaxed);
            // SAFETY: the test is over, and the records are not in use.
            assert!(unsafe { source.unmap_guarded(address, CHUNK) });
            address = next;
        }
    }
}

impl Default for RecordPool {
    fn default() -> Self {
        Self::new()
    }
}

fn tagged(old: u64, index: u64) -> u64 {
    ((old >> INDEX_BITS).wrapping_add(1) << INDEX_BITS) | index
}

fn record_at(index: u64) -> Option<&'static RangeRecord> {
    let address = usize::try_from(index << 6).ok().filter(|&address| address != 0)?;
    // SAFETY: indexes come from chunks. These are exposed, never unmapped while in use, zeroed at first, and hold only
    // records of atomics.
    Some(unsafe { pointer::to_ref(address) })
}

fn chunk(address: usize) -> Option<&'static Chunk> {
    // SAFETY: as in `record_at`.
    (address != 0).then(|| unsafe { pointer::to_ref(address) })
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::sys::fake::Fake;
    use std::collections::HashSet;
    use std::rc::Rc;

    static RECORDS: RecordPool = RecordPool::new();

    fn all_differ<const N: usize>(records: [&'static RangeRecord; N]) {
        assert_eq!(records.map(core::ptr::from_ref).into_iter().collect::<HashSet<_>>().len(), N);
    }

    #[test]
    fn no_record_has_two_takers_when_one_is_put_back_while_another_is_taken() {
        model(3, || {
            let source = Rc::new(Fake::new(CHUNK));
            let take = |source: &Fake| RECORDS.take(source).unwrap();
            [(); 2].map(|()| take(&source)).iter().for_each(|record| RECORDS.put(record));
            let other = source.clone();
            let taker = loom::thread::spawn(move || take(&other));
            let (first, second) = (take(&source), take(&source));
            RECORDS.put(first);
            all_differ([second, taker.join().unwrap(), take(&source), take(&source)]);
        });
    }

    #[test]
    fn two_threads_that_take_the_first_record_map_one_chunk() {
        model(3, || {
            let source = Rc::new(Fake::new(2 * CHUNK));
            let other = source.clone();
            let taker = loom::thread::spawn(move || RECORDS.take(&*other).unwrap());
            let record = RECORDS.take(&*source).unwrap();
            all_differ([record, taker.join().unwrap()]);
            assert_eq!(source.mapped(), CHUNK);
        });
    }
}
