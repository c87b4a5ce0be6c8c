//! Bins: an arena's slabs by size class, between the thread caches and the heap.
//!
//! A bin keeps its slabs with room in address order. Objects are taken from the lowest slab, so the upper slabs
//! drain and go back to the heap. Each bin keeps one empty slab. If much is free in slabs of other classes,
//! some of these become mixed slabs, which serve all classes: see `mixed`. The arena's lock guards the bins.

#![allow(unsafe_code)]

use super::metadata::Metadata;
use super::mixed_records::Mixing;
use super::slab::Slab;
use super::slabs::Slabs;
use crate::base::class::{SLAB_CLASSES, SizeClass};
use crate::base::config::{GRAIN, HEADER, UNIT};
use crate::base::once_ref::OnceRef;
use crate::base::shared::AtomicUsize;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// What an arena's slabs hold.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SlabFigures {
    /// How many slabs there are.
    pub slabs: usize,
    /// How many of them are mixed.
    pub mixed: usize,
    /// The bytes of their blocks.
    pub bytes: usize,
    /// Parked units: they stand as slabs, none of which is in use.
    pub parked: usize,
    /// Objects that are handed out: with the program, or in thread caches.
    pub objects: usize,
    /// Their bytes.
    pub object_bytes: usize,
}

/// Free pieces of memory that a request may get, and their bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Free {
    /// How many pieces there are.
    pub count: usize,
    /// The bytes of all pieces.
    pub bytes: usize,
}

pub(super) struct Bin {
    /// Slabs with room.
    pub(super) partial: Slabs,
    /// The empty slab that is kept. It is in `partial`.
    pub(super) empty: Option<&'static Slab>,
    /// Records of slabs that went back to the heap.
    pub(super) spare: Option<&'static Slab>,
    /// How many objects the bin's slabs have room for.
    pub(super) objects: usize,
    /// How many objects of the class are handed out.
    pub(super) out: usize,
    /// How many of these are in mixed slabs.
    pub(super) mixed: usize,
}

impl Bin {
    /// How many objects are free in the bin's slabs.
    pub(super) fn free(&self) -> usize {
        self.objects - (self.out - self.mixed)
    }
}

/// The bins of an arena.
pub struct Bins {
    /// By class. The first bin has all mixed slabs, and the last has the parked slabs.
    pub(super) bins: [Bin; SLAB_CLASSES + 1],
    /// How many slabs are parked.
    pub(super) parked: usize,
    /// The address up to which dense huge pages were collapsed: see `dense`.
    pub(super) collapsed: usize,
    /// Whether the system has refused to collapse one.
    pub(super) refused: bool,
    pub(super) metadata: OnceRef<Metadata>,
    pub(super) mixing: Mixing,
    /// Whether the callers check each block: see `vacant`. Objects are then taken at random.
    pub(super) checked: bool,
    pub(super) slabs: usize,
    /// The bytes of the slabs' blocks.
    pub(super) bytes: usize,
    /// Bytes that came back and were not taken again since the last purge.
    pub(super) dirty: usize,
    /// The bytes of all objects ever taken.
    pub(super) taken: usize,
}

/// The bin of the parked slabs: see `parked`.
pub(super) const PARKED: usize = SLAB_CLASSES;

impl Bins {
    /// No slabs. All zero. `init` comes next.
    pub const fn empty() -> Self {
        let bins = [const { Bin { partial: Slabs::none(), empty: None, spare: None, objects: 0, out: 0, mixed: 0 } };
            SLAB_CLASSES + 1];
        let (metadata, mixing) = (OnceRef::unset(), Mixing::none());
        Self {
            bins,
            parked: 0,
            collapsed: 0,
            refused: false,
            metadata,
            mixing,
            checked: false,
            slabs: 0,
            bytes: 0,
            dirty: 0,
            taken: 0,
        }
    }

    /// Sets where the slabs' records are.
    pub fn init(&mut self, metadata: &'static Metadata) {
        self.metadata.bind(metadata);
    }

    /// Says that the callers check each block.
    pub fn set_checked(&mut self) {
        self.checked = true;
    }

    /// Stops slabs from being made mixed ones.
    pub fn set_unmixed(&mut self) {
        self.mixing.off = true;
    }

    /// Bytes that came back and were not taken again since the last purge.
    pub fn dirty(&self) -> usize {
        self.dirty
    }

    /// What the slabs hold.
    pub fn figures(&self) -> SlabFigures {
        let (mut objects, mut object_bytes) = (0, 0);
        for class in SizeClass::slabs() {
            let out = self.bins[class.index()].out;
            (objects, object_bytes) = (objects + out, object_bytes + out * class.size());
        }
        let (slabs, mixed, bytes, parked) = (self.slabs, self.mixing.slabs, self.bytes, self.parked);
        SlabFigures { slabs, mixed, bytes, parked, objects, object_bytes }
    }

    /// What is free in the slabs: objects, runs of grains in mixed slabs, and parked units.
    pub fn free_pieces(&self) -> Free {
        let mut free = Free { count: self.parked, bytes: self.parked() };
        for class in SizeClass::slabs() {
            let count = self.bins[class.index()].free();
            free.count += count;
            free.bytes += count * class.size();
        }
        let mut next = self.slab_behind(0, 0);
        while let Some(slab) = next {
            slab.for_each_run(|grains| {
                free.count += 1;
                free.bytes += grains * GRAIN;
            });
            next = self.slab_behind(0, slab.start());
        }
        free
    }

    /// The lowest slab of a bin above an address.
    pub(super) fn slab_behind(&self, bin: usize, address: usize) -> Option<&'static Slab> {
        self.bins[bin].partial.first_behind(address)
    }

    /// Takes objects of a class, lowest addresses first, and returns how many. The lowest goes into the
    /// last place. It takes what the slabs have, and at least one object unless memory is out.
    pub fn take<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass, places: &[AtomicUsize]) -> usize {
        self.take_from(heap, class, places, true)
    }

    /// Takes an object that is aligned to the largest power of two that divides its size. It does not
    /// come from a mixed slab.
    pub fn take_aligned<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass) -> Option<usize> {
        let place = [AtomicUsize::new(0)];
        (self.take_from(heap, class, &place, false) != 0).then(|| place[0].load(Relaxed))
    }

    fn take_from<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        places: &[AtomicUsize],
        mixed_too: bool,
    ) -> usize {
        let mut left = places.len();
        while left != 0 {
            let bin = &mut self.bins[class.index()];
            let slab = match bin.partial.first_fit(1) {
                Some(slab) => slab,
                // The objects found are enough: a new slab is made only for a call that would otherwise get none.
                None if left != places.len() => break,
                None if mixed_too && self.mixed_for(heap, class) => {
                    left -= self.take_mixed(class, &places[..left]);
                    continue;
                }
                None => match self.new_slab(heap, class) {
                    Some(slab) => slab,
                    None => break,
                },
            };
            let bin = &mut self.bins[class.index()];
            if bin.empty == Some(slab) {
                bin.empty = None;
            }
            let taken =
                if self.checked { slab.take_any(class, &places[left - 1]) } else { slab.take(class, &places[..left]) };
            left -= taken;
            // The highest of them.
            slab.raise_limit(heap.page_map(), class, places[left].load(Relaxed));
            if slab.free() == 0 {
                bin.partial.remove(slab);
            }
        }
        let taken = places.len() - left;
        self.bins[class.index()].out += taken;
        self.taken = self.taken.wrapping_add(taken * class.size());
        self.dirty = self.dirty.saturating_sub(taken * class.size());
        taken
    }

    fn new_slab<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass) -> Option<&'static Slab> {
        let slab = self.new_record(heap, class)?;
        let Some((start, bytes)) = self.place_for(heap, class.slab_bytes()) else {
            let spare = &mut self.bins[class.index()].spare;
            slab.set_next_spare(spare.replace(slab));
            return None;
        };
        slab.begin(start, class, heap.arena());
        if self.checked {
            slab.vacate(class);
        }
        self.insert(class.index(), slab);
        for (index, unit) in (start..start + class.slab_bytes()).step_by(UNIT).enumerate() {
            heap.page_map().set_slab_entry(unit, Some(slab.entry(index)));
        }
        self.bins[class.index()].objects += class.objects();
        self.slabs += 1;
        self.bytes += bytes;
        Some(slab)
    }

    /// Memory of the heap for a slab, and the bytes of the block that it is.
    #[cold]
    fn place_for<S: PageSource>(&mut self, heap: &mut Heap<S>, bytes: usize) -> Option<(usize, usize)> {
        if bytes == UNIT
            && !heap.has_touched_unit()
            && let Some(unit) = self.take_parked().or_else(|| self.take_and_park(heap))
        {
            return Some((unit, UNIT));
        }
        let start = self.alloc_with_parked(heap, bytes - HEADER, UNIT, |heap| heap.alloc_units(bytes))?;
        // SAFETY: this block was just allocated.
        Some((start, unsafe { heap.size_of(start) }))
    }

    /// A record for a slab of a class.
    pub(super) fn new_record<S: PageSource>(&mut self, heap: &Heap<S>, class: SizeClass) -> Option<&'static Slab> {
        let spare = &mut self.bins[class.index()].spare;
        match *spare {
            None => Slab::alloc_for(&self.metadata, heap.source(), class),
            Some(record) => {
                *spare = record.next_spare();
                Some(record)
            }
        }
    }

    /// Puts a slab into a bin.
    pub(super) fn insert(&mut self, bin: usize, slab: &'static Slab) {
        self.bins[bin].partial.insert(slab);
    }

    /// Gives an empty slab back to the heap.
    pub(super) fn dissolve<S: PageSource>(&mut self, heap: &mut Heap<S>, slab: &'static Slab) {
        let (start, bytes) = (slab.start(), slab.bytes());
        self.bins[slab.class().map_or(0, SizeClass::index)].partial.remove(slab);
        // If the headers were purged, they follow from the page map.
        // SAFETY: the slab's start and its end.
        unsafe {
            heap.restore_header(start);
            heap.restore_header(start + bytes);
        }
        for unit in (start..start + bytes).step_by(UNIT) {
            heap.page_map().set_slab_entry(unit, None);
        }
        self.slabs -= 1;
        // SAFETY: the slab is this block.
        self.bytes -= unsafe { heap.size_of(start) };
        heap.free_own(start);
        // From here on the heap counts these bytes as dirty.
        self.dirty = self.dirty.saturating_sub(bytes);
        if let Some(origin) = slab.origin() {
            self.mixing.records.put(slab);
            self.mixing.slabs -= 1;
            self.drop_record(origin);
        } else if let Some(class) = slab.class() {
            self.bins[class.index()].objects -= class.objects();
            self.drop_record(slab);
        }
    }

    /// Keeps the record of a slab of one class for another slab of that class.
    pub(super) fn drop_record(&mut self, slab: &'static Slab) {
        if let Some(class) = slab.class() {
            let bin = &mut self.bins[class.index()];
            slab.set_next_spare(bin.spare.replace(slab));
        }
    }
}
