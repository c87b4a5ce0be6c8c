//! Metadata memory: where the records of slabs stand, away from all that a program can reach by running off a block.
//!
//! A bump allocator over chunks of its own, never given back; whoever takes a record keeps it for use again. Lock-free: the
//! one word is the next free address, and the end of its chunk follows from that.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::config::UNIT;
use crate::base::shared::AtomicUsize;
use crate::sys::pages::{self, PageSource};
use core::sync::atomic::Ordering;

/// Records start at a multiple of this.
pub const RECORD_ALIGN: usize = 64;

/// It comes in chunks of so many bytes, aligned to it.
pub const CHUNK: usize = UNIT;

/// The memory of one process, of one test, or for one purpose.
pub struct Metadata {
    /// The next free address; 0 where there is no chunk.
    next: AtomicUsize,
}

impl Metadata {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { next: AtomicUsize::new(0) }
    }

    /// Whether the chunk at work has room for so many bytes.
    pub fn has_room(&self, bytes: usize) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        next != 0 && next % CHUNK + align::up(bytes, RECORD_ALIGN) < CHUNK
    }

    /// Whether the next record may come from a chunk.
    pub fn is_at_work_in(&self, chunk: usize) -> bool {
        align::down(self.next.load(Ordering::Relaxed), CHUNK) == chunk
    }

    /// Goes on in a chunk whose records are not used any more; 0: in a new one. Not while others may be at work here.
    pub fn go_on_in(&self, chunk: usize) {
        self.next.store(chunk, Ordering::Relaxed);
    }

    /// The address of `bytes` zeroed bytes, fewer than a unit; `None` when the source has no more. The address is exposed.
    pub fn alloc(&self, source: &impl PageSource, bytes: usize) -> Option<usize> {
        let bytes = align::up(bytes, RECORD_ALIGN);
        debug_assert!(bytes < CHUNK);
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            // A chunk starts with its first record, but ends with an unused one: `next` is never its end.
            if next != 0 && next % CHUNK + bytes < CHUNK {
                match self.next.compare_exchange_weak(next, next + bytes, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Some(next),
                    Err(now) => next = now,
                }
                continue;
            }
            let chunk = pages::map_aligned(source, 0, CHUNK, CHUNK)?;
            source.hide(chunk, CHUNK);
            match self.next.compare_exchange(next, chunk + bytes, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(chunk),
                Err(now) => {
                    // SAFETY: mapped above, and nobody has seen it.
                    unsafe { source.unmap(chunk, CHUNK) };
                    next = now;
                }
            }
        }
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self::new()
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
