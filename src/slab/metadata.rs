//! Metadata memory: it holds the records of slabs, away from all that a program can reach by running off a block.
//!
//! ```text
//!     | guard | chunk | chunk | ... | guard |     an area: one chunk at first, more when more is needed
//! ```
//!
//! This is a bump allocator over chunks of its own. It never gives memory back: its callers keep unused
//! records for reuse. Chunks come in areas between guard pages, which cannot be touched. The allocator
//! is lock-free. Its one word holds the next free address, which also gives the end of its chunk. Bits
//! that are zero in a record's address hold how many chunks of the area follow.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::config::UNIT;
use crate::base::shared::{AtomicU32, AtomicUsize};
use crate::sys::pages::PageSource;
use core::sync::atomic::{Ordering, Ordering::Relaxed};

/// Records start at a multiple of this.
pub const RECORD_ALIGN: usize = 64;

/// The bytes of a chunk, and its alignment.
pub const CHUNK: usize = UNIT;

/// The most chunks of an area. Each area is three ranges in the kernel's books, of which a process has 65,530.
const CHUNKS_MOST: usize = 16;

const _: () = assert!(CHUNKS_MOST < RECORD_ALIGN);

/// The memory for one process, one test, or one purpose.
pub struct Metadata {
    /// The next free address and how many chunks follow; 0 if there is no chunk.
    next: AtomicUsize,
    /// How many areas there are. The next area has twice as many chunks as the last.
    areas: AtomicU32,
}

/// Splits the word into the next free address and how many chunks follow.
fn parts(next: usize) -> (usize, usize) {
    (align::down(next, RECORD_ALIGN), next % RECORD_ALIGN)
}

/// Whether so many bytes fit into the chunk. The last record of a chunk stays unused, so the next
/// address is never the chunk's end.
fn fits(address: usize, bytes: usize) -> bool {
    address != 0 && address % CHUNK + bytes < CHUNK
}

impl Metadata {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { next: AtomicUsize::new(0), areas: AtomicU32::new(0) }
    }

    /// Whether the chunk in use has room for so many bytes.
    pub fn has_room(&self, bytes: usize) -> bool {
        fits(parts(self.next.load(Relaxed)).0, align::up(bytes, RECORD_ALIGN))
    }

    /// Whether a chunk follows the one in use.
    pub fn has_chunk(&self) -> bool {
        parts(self.next.load(Relaxed)).1 != 0
    }

    /// Whether the next record may come from `chunk`.
    pub fn is_at_work_in(&self, chunk: usize) -> bool {
        align::down(self.next.load(Relaxed), CHUNK) == chunk
    }

    /// Continues in a chunk whose records are no longer used. No other thread may use this memory at the same time.
    pub fn go_on_in(&self, chunk: usize) {
        self.next.store(chunk, Relaxed);
    }

    /// Takes no more from the chunk in use. No other thread may use this memory at the same time.
    pub fn go_on_behind(&self) {
        let (address, behind) = parts(self.next.load(Relaxed));
        let last = align::up(address + 1, CHUNK) - RECORD_ALIGN;
        self.next.store(if behind == 0 { 0 } else { last + behind }, Relaxed);
    }

    /// The address of `bytes` zeroed bytes, fewer than a unit; `None` if the source has no more. The
    /// address is exposed.
    pub fn alloc(&self, source: &impl PageSource, bytes: usize) -> Option<usize> {
        let bytes = align::up(bytes, RECORD_ALIGN);
        debug_assert!(bytes < CHUNK);
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            let (address, behind) = parts(next);
            let (record, after) = match behind {
                _ if fits(address, bytes) => (address, next + bytes),
                0 => match self.add_area(source, next, bytes) {
                    Ok(record) => return record,
                    Err(now) => {
                        next = now;
                        continue;
                    }
                },
                _ => {
                    let chunk = align::down(address, CHUNK) + CHUNK;
                    (chunk, chunk + bytes + behind - 1)
                }
            };
            match self.next.compare_exchange_weak(next, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(record),
                Err(now) => next = now,
            }
        }
    }

    /// Takes a record from a new area, whose word replaces `next`. If another thread was first: `Err`
    /// with the word as it is.
    #[cold]
    fn add_area(&self, source: &impl PageSource, next: usize, bytes: usize) -> Result<Option<usize>, usize> {
        let map = |chunks: usize| Some((chunks, source.map_guarded(chunks * CHUNK, CHUNK)?));
        let wanted = CHUNKS_MOST.min(1 << self.areas.load(Relaxed).min(CHUNKS_MOST.ilog2()));
        let Some((chunks, area)) = map(wanted).or_else(|| map(1)) else { return Ok(None) };
        match self.next.compare_exchange(next, area + bytes + chunks - 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.areas.fetch_add(1, Relaxed);
                source.hide(area, chunks * CHUNK);
                Ok(Some(area))
            }
            Err(now) => {
                // SAFETY: mapped above, and no other thread has seen it.
                unsafe { source.unmap_guarded(area, chunks * CHUNK) };
                Err(now)
            }
        }
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fake::Fake;
    use std::vec::Vec;

    #[test]
    fn areas_grow_and_each_record_is_alone_in_its_chunk() {
        let (source, metadata) = (Fake::new(64 * CHUNK), Metadata::new());
        let bytes = CHUNK / 3;
        let records: Vec<usize> = core::iter::from_fn(|| metadata.alloc(&source, bytes)).collect();
        // 1 + 2 + 4 + 8 + 3 * 16 chunks, and one when there is no room for so many; two records in each.
        assert_eq!(source.mapped(), 64 * CHUNK);
        assert_eq!(records.len(), 2 * 64);
        assert_eq!(metadata.areas.load(Relaxed), 8);
        let mut sorted = records;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= bytes));
        assert!(sorted.iter().all(|record| record / CHUNK == (record + bytes) / CHUNK));
    }

    #[test]
    fn who_leaves_a_chunk_goes_on_in_the_one_behind_it_and_then_in_another() {
        let (source, metadata) = (Fake::new(64 * CHUNK), Metadata::new());
        let take = || metadata.alloc(&source, RECORD_ALIGN).unwrap();
        let first = take();
        assert!(!metadata.has_chunk());
        metadata.go_on_behind();
        assert!(!metadata.has_room(RECORD_ALIGN));
        let second = take();
        assert!(metadata.has_chunk() && metadata.is_at_work_in(second));
        metadata.go_on_behind();
        assert!(metadata.has_chunk() && !metadata.has_room(RECORD_ALIGN));
        assert_eq!(take(), second + CHUNK);
        metadata.go_on_in(first);
        assert!(metadata.is_at_work_in(first) && metadata.has_room(RECORD_ALIGN) && !metadata.has_chunk());
        assert_eq!(take(), first);
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::sys::fake::Fake;
    use std::rc::Rc;

    static METADATA: Metadata = Metadata::new();

    #[test]
    fn two_threads_get_different_records_of_one_chunk() {
        model(3, || {
            let source = Rc::new(Fake::new(4 * UNIT));
            let alloc = |source: &Fake| METADATA.alloc(source, RECORD_ALIGN).unwrap();
            let other = source.clone();
            let record = loom::thread::spawn(move || alloc(&other));
            let mut records = [alloc(&source), alloc(&source), record.join().unwrap()];
            records.sort_unstable();
            assert_eq!(records.map(|record| record - records[0]), [0, RECORD_ALIGN, 2 * RECORD_ALIGN]);
            assert_eq!(source.mapped(), UNIT);
        });
    }
}
