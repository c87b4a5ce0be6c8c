//! When slabs are made mixed ones, and what bins do with these.

use super::bins::{Bins, Misuse, SlabFigures, interior};
use super::metadata::{CHUNK, Metadata};
use super::mixed::{bitmap_bytes, grains_of};
use super::slab::{Entry, Object, Slab};
use crate::base::class::{SLAB_UNITS_MAX, SizeClass};
use crate::base::config::UNIT;
use crate::base::shared::AtomicUsize;
use crate::heap::heap::Heap;
use crate::sys::pages::{PageSource, Purges};

/// Free bytes in slabs for whose sake none is made a mixed one.
const MIX_LEAST: usize = 1 << 20;
/// The part of all slabs that must be free, of those of the class, and of the slab itself.
const MIX_PART: usize = 4;
/// Free objects wait for requests of their own class until slabs have handed out so large a part of their bytes.
const WAIT_PART: usize = 16;

/// What an arena's bins know of their mixed slabs.
pub struct Mixing {
    pub(super) records: MixedRecords,
    /// How many there are.
    pub(super) slabs: usize,
    /// Whether none is to be made.
    pub(super) off: bool,
    /// What slabs had handed out when it was first seen that enough is free to make some, if it is.
    since: Option<usize>,
}

impl Mixing {
    /// None. All zero.
    pub const fn none() -> Self {
        Self { records: MixedRecords::none(), slabs: 0, off: false, since: None }
    }
}

impl Bins {
    /// Whether an object of the class has room in a mixed slab; makes one if that is worth it.
    pub(super) fn mixed_for<S: PageSource>(&mut self, heap: &Heap<S>, class: SizeClass) -> bool {
        if self.bins[0].partial.largest() >= grains_of(class) {
            return true;
        }
        if self.mixing.off || !self.is_sparse() {
            self.mixing.since = None;
            return false;
        }
        let since = *self.mixing.since.get_or_insert(self.taken);
        if self.taken.wrapping_sub(since) < self.bytes / WAIT_PART {
            return false;
        }
        match self.sparse_slab(class) {
            Some(slab) => self.mix(heap, slab),
            None => false,
        }
    }

    /// Whether so much is free in slabs that other classes should have it. In those of a class that is in use as much as one slab has is always
    /// free: that does not count.
    fn is_sparse(&self) -> bool {
        let SlabFigures { bytes, object_bytes, .. } = self.figures();
        let usual = |class: SizeClass| self.bins[class.index()].free().min(class.objects()) * class.size();
        let free = bytes - object_bytes - SizeClass::slabs().map(usual).sum::<usize>();
        free >= MIX_LEAST.max(bytes / MIX_PART)
    }

    /// The highest slab of the class in which most is free, if much of that slab is, and it has room for an object of `class`.
    fn sparse_slab(&self, class: SizeClass) -> Option<&'static Slab> {
        let highest = |other: SizeClass| {
            let bin = &self.bins[other.index()];
            if bin.free() < bin.objects / MIX_PART {
                return None;
            }
            let slab = bin.partial.highest()?;
            let fits = slab.free() >= other.objects() / MIX_PART && slab.longest_run() >= class.size();
            fits.then_some(slab)
        };
        SizeClass::slabs()
            .filter(|&other| other != class)
            .filter_map(|other| Some((self.bins[other.index()].free() * other.size(), highest(other)?)))
            .max_by_key(|&(free, _)| free)
            .map(|(_, slab)| slab)
    }

    /// Makes a slab a mixed one. False if there is no memory for its record.
    #[cold]
    fn mix<S: PageSource>(&mut self, heap: &Heap<S>, slab: &'static Slab) -> bool {
        let Some(class) = slab.class() else { return false };
        let Some(mixed) = self.mixing.records.take(heap, slab.bytes() / UNIT) else { return false };
        let bin = &mut self.bins[class.index()];
        bin.partial.remove(slab);
        if bin.empty == Some(slab) {
            bin.empty = None;
        }
        bin.objects -= class.objects();
        bin.mixed += class.objects() - slab.free();
        self.mixing.slabs += 1;
        mixed.begin_mixed(slab);
        for (index, unit) in (slab.start()..slab.start() + slab.bytes()).step_by(UNIT).enumerate() {
            heap.page_map().set_slab_entry(unit, Some(mixed.entry(index)));
        }
        self.insert(0, mixed);
        true
    }

    /// Takes objects of a class from the lowest mixed slab with room for one into the last of the places; how many there were.
    pub(super) fn take_mixed(&mut self, class: SizeClass, places: &[AtomicUsize]) -> usize {
        let partial = &mut self.bins[0].partial;
        let Some(slab) = partial.first_fit(grains_of(class)) else { return 0 };
        let taken = slab.take_mixed(class, places);
        partial.resize(slab);
        self.bins[class.index()].mixed += taken;
        taken
    }

    /// Takes an object of a mixed slab back; the class that it had.
    #[cold]
    pub(super) fn put_back_mixed<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        entry: Entry,
        address: usize,
    ) -> Result<SizeClass, Misuse> {
        let Some(Object { class, index }) = entry.object_at(address) else { return Err(interior(entry, address)) };
        let slab = entry.slab();
        let room = slab.room();
        slab.give_mixed(index, class);
        self.bins[class.index()].mixed -= 1;
        if slab.is_mixed_empty() {
            self.dissolve(heap, slab);
        } else if slab.room() != room {
            self.bins[0].partial.resize(slab);
        }
        Ok(class)
    }
}

/// The records of an arena's mixed slabs. They are large: a chunk of which none is used is given back.
pub struct MixedRecords {
    memory: Metadata,
    /// Unused ones, by the units of their slabs less one.
    spare: [Option<&'static Slab>; SLAB_UNITS_MAX],
    /// Chunks that were given back.
    purged: Option<&'static Slab>,
}

/// The count of a chunk that is just being given back.
const GOING: usize = u16::MAX as usize;

impl MixedRecords {
    /// None. All zero.
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
            // The head.
            Slab::alloc(&self.memory, heap.source(), 0)?;
        }
        Slab::alloc(&self.memory, heap.source(), bitmaps)
    }

    /// Keeps a record that is not used any more.
    pub fn put(&mut self, record: &'static Slab) {
        let chunk = record.chunk();
        chunk.set_free(chunk.free() - 1);
        push(&mut self.spare[record.bytes() / UNIT - 1], record);
    }

    /// Gives back the memory of the chunks that no record in use is in. They stay mapped: who looks an address up while its slab goes away
    /// reads zeroes.
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
            // SAFETY: no record of the chunk is in use, nor in a list of spare ones.
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
