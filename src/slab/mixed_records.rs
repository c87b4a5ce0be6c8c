//! The records of mixed slabs, and what an arena's bins know of these slabs.

use super::metadata::{CHUNK, Metadata};
use super::mixed::bitmap_bytes;
use super::slab::Slab;
use crate::base::class::SLAB_UNITS_MAX;
use crate::base::config::UNIT;
use crate::heap::heap::Heap;
use crate::sys::pages::{PageSource, Purges};

/// What an arena's bins know of their mixed slabs.
pub struct Mixing {
    pub(super) records: MixedRecords,
    /// How many there are.
    pub(super) slabs: usize,
    /// Whether no slab may become a mixed one.
    pub(super) off: bool,
    /// `Bins::taken` from when it was first seen that enough is free to make some; `None` if it is not.
    pub(super) since: Option<usize>,
}

impl Mixing {
    /// No mixed slabs. All zero.
    pub const fn none() -> Self {
        Self { records: MixedRecords::none(), slabs: 0, off: false, since: None }
    }
}

/// The records of an arena's mixed slabs. They are large, so a chunk with none in use is given back.
pub struct MixedRecords {
    memory: Metadata,
    /// Unused records, by the units of their slabs minus one.
    spare: [Option<&'static Slab>; SLAB_UNITS_MAX],
    /// Chunks that were given back.
    purged: Option<&'static Slab>,
}

/// The count of a chunk that is being given back.
const GOING: usize = u16::MAX as usize;

impl MixedRecords {
    /// No records. All zero.
    pub const fn none() -> Self {
        Self { memory: Metadata::new(), spare: [None; SLAB_UNITS_MAX], purged: None }
    }

    /// A record for a slab of so many units; `None` if there is no memory for it.
    pub fn take<S: PageSource>(&mut self, heap: &Heap<S>, units: usize) -> Option<&'static Slab> {
        let record = match self.spare[units - 1] {
            None => self.new_record(heap, units)?,
            Some(spare) => {
                self.spare[units - 1] = spare.next_spare();
                spare
            }
        };
        record.chunk().set_free(record.chunk().free() + 1);
        Some(record)
    }

    fn new_record<S: PageSource>(&mut self, heap: &Heap<S>, units: usize) -> Option<&'static Slab> {
        let bitmaps = bitmap_bytes(units);
        if !self.memory.has_room(size_of::<Slab>() + bitmaps) {
            match self.purged {
                Some(purged) if !self.memory.has_chunk() => {
                    self.memory.go_on_in(purged.address());
                    self.purged = purged.next_spare();
                }
                _ => self.memory.go_on_behind(),
            }
            // The head of the chunk.
            Slab::alloc(&self.memory, heap.source(), 0)?;
        }
        Slab::alloc(&self.memory, heap.source(), bitmaps)
    }

    /// Keeps a record that is no longer used.
    pub fn put(&mut self, record: &'static Slab) {
        let chunk = record.chunk();
        chunk.set_free(chunk.free() - 1);
        push(&mut self.spare[record.bytes() / UNIT - 1], record);
    }

    /// Gives back the memory of the chunks without a record in use. They stay mapped: a thread that
    /// looks an address up while its slab goes away reads zeroes.
    pub fn purge<S: PageSource>(&mut self, heap: &Heap<S>) {
        let mut going = None;
        for spare in &mut self.spare {
            let mut unused = spare.take();
            while let Some(record) = unused {
                let chunk = record.chunk();
                unused = record.next_spare();
                match chunk.free() {
                    0 => {
                        chunk.set_free(GOING);
                        push(&mut going, chunk);
                    }
                    GOING => {}
                    _ => push(spare, record),
                }
            }
        }
        while let Some(head) = going {
            let chunk = head.address();
            going = head.next_spare();
            if self.memory.is_at_work_in(chunk) {
                self.memory.go_on_behind();
            }
            let mut purges = Purges::new(heap.source());
            // SAFETY: no record of the chunk is in use or in a list of spare ones.
            #[expect(unsafe_code, reason = "the chunk is ours")]
            unsafe {
                heap.purge_inside(&mut purges, chunk, chunk + CHUNK);
            }
            purges.finish();
            head.set_free(0);
            push(&mut self.purged, head);
        }
    }
}

fn push(list: &mut Option<&'static Slab>, record: &'static Slab) {
    record.set_next_spare(list.replace(record));
}
