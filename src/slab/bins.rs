//! Bins: an arena's slabs by size class, between the thread caches and the heap.
//!
//! A bin knows its slabs with room, in address order: what is taken comes from the lowest, so the upper ones drain and go
//! back to the heap. One empty slab a bin is kept. Guarded by the arena's lock.

use super::key;
use super::metadata::Metadata;
use super::slab::{self, Entry, Slab, Slabs};
use crate::base::class::{SLAB_CLASSES, SizeClass};
use crate::base::config::{HEADER, UNIT};
use crate::base::late::Late;
use crate::base::shared::AtomicUsize;
use crate::base::tree::{NONE, Tree};
use crate::heap::check::Broken;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// What is wrong with a pointer into a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misuse {
    /// The object, of so many bytes, is free already.
    Freed(usize),
    /// No object starts there: so many bytes into the slab's object of this size, or, with a size of 0, behind the last.
    Interior(usize, usize),
}

/// What an arena's slabs hold.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SlabFigures {
    /// Slabs.
    pub slabs: usize,
    /// The bytes of their blocks.
    pub bytes: usize,
    /// Objects that are out: with the program, or in thread caches.
    pub objects: usize,
    /// Their bytes.
    pub object_bytes: usize,
}

struct Bin {
    /// Slabs with room.
    partial: Tree,
    /// The empty slab that is kept, or `NONE`. It is one of `partial`.
    empty: usize,
    /// Records of slabs that went back to the heap.
    spare: usize,
}

/// The bins of an arena.
pub struct Bins {
    bins: [Bin; SLAB_CLASSES],
    metadata: Late<Metadata>,
    figures: SlabFigures,
    /// Bytes that came back and were not taken again since the last purge.
    dirty: usize,
}

/// How far a purge has come, which goes on in steps: a class, and the address of the last slab.
#[derive(Clone, Copy)]
pub struct Purged {
    class: usize,
    start: usize,
}

impl Purged {
    /// Nothing is done yet.
    pub const NOTHING: Self = Self { class: 1, start: 0 };
    /// All slabs are done.
    pub const ALL: Self = Self { class: SLAB_CLASSES, start: 0 };
}

impl Bins {
    /// No slabs. All zero. `found` comes next.
    pub const fn empty() -> Self {
        let figures = SlabFigures { slabs: 0, bytes: 0, objects: 0, object_bytes: 0 };
        let bins = [const { Bin { partial: Tree::new(), empty: NONE, spare: NONE } }; SLAB_CLASSES];
        Self { bins, metadata: Late::unset(), figures, dirty: 0 }
    }

    /// Says where the slabs' records are.
    pub fn found(&mut self, metadata: &'static Metadata) {
        self.metadata.aim(metadata);
    }

    /// Bytes that came back and were not taken again since the last purge.
    pub fn dirty(&self) -> usize {
        self.dirty
    }

    /// What they hold.
    pub fn figures(&self) -> SlabFigures {
        self.figures
    }

    /// Takes up to `count` objects of a class, lowest addresses first; how many there were: what the slabs have, at least one
    /// unless memory is out.
    pub fn take<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        count: usize,
        mut put: impl FnMut(usize),
    ) -> usize {
        let mut left = count;
        while left != 0 {
            let bin = &mut self.bins[class.index()];
            let slab = match bin.partial.first_fit(&Slabs, 1) {
                Some(record) => slab::slab(record),
                // What is there is enough: a slab is made for what would else not be served.
                None if left != count => break,
                None => match self.new_slab(heap, class) {
                    Some(slab) => slab,
                    None => break,
                },
            };
            let bin = &mut self.bins[class.index()];
            if bin.empty == slab.address() {
                bin.empty = NONE;
            }
            left -= slab.take(left, &mut put);
            if slab.free() == 0 {
                bin.partial.remove(&Slabs, slab.address());
            }
        }
        let taken = count - left;
        self.figures.objects += taken;
        self.figures.object_bytes += taken * class.size();
        self.dirty = self.dirty.saturating_sub(taken * class.size());
        taken
    }

    /// Takes the object at `address` back, which is in the unit of `entry`.
    pub fn give<S: PageSource>(&mut self, heap: &mut Heap<S>, entry: Entry, address: usize) -> Result<(), Misuse> {
        let result = self.put_back(heap, entry.class(), entry, address);
        if result.is_ok() {
            self.count_given(entry.class(), 1);
        }
        result
    }

    /// Takes objects of a class back; in case of misuse the first wrong one, where it stops.
    pub fn give_all<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        objects: &[AtomicUsize],
    ) -> Result<(), (usize, Misuse)> {
        let map = heap.page_map();
        for object in objects {
            let address = object.load(Relaxed);
            match Entry::new(map.slab_entry(address)) {
                Some(entry) if entry.class() == class => {
                    self.put_back(heap, class, entry, address).map_err(|wrong| (address, wrong))?;
                }
                // Its slab has gone back to the heap since: all its objects were free.
                _ => return Err((address, Misuse::Freed(class.size()))),
            }
        }
        self.count_given(class, objects.len());
        Ok(())
    }

    /// Takes back those of the objects that are of this arena's slabs, and moves the others to the front; how many these are. In
    /// case of misuse the first wrong one.
    pub fn give_own<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        objects: &[AtomicUsize],
    ) -> Result<usize, (usize, Misuse)> {
        let map = heap.page_map();
        let mut kept = 0;
        for object in objects {
            let address = object.load(Relaxed);
            match Entry::new(map.slab_entry(address)) {
                Some(entry) if entry.arena() != heap.arena() => {
                    objects[kept].store(address, Relaxed);
                    kept += 1;
                }
                Some(entry) => self.give(heap, entry, address).map_err(|wrong| (address, wrong))?,
                None => return Err((address, Misuse::Freed(0))),
            }
        }
        Ok(kept)
    }

    fn count_given(&mut self, class: SizeClass, count: usize) {
        self.figures.objects -= count;
        self.figures.object_bytes -= count * class.size();
        self.dirty += count * class.size();
    }

    #[inline(always)]
    fn put_back<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        entry: Entry,
        address: usize,
    ) -> Result<(), Misuse> {
        let slab = entry.slab();
        let Some(index) = entry.object_of(class, address) else { return Err(interior(entry, address)) };
        match slab.give(index) {
            None => return Err(Misuse::Freed(class.size())),
            Some(1) => self.has_room(slab),
            Some(free) if free == class.objects() => self.emptied(heap, slab),
            Some(_) => {}
        }
        Ok(())
    }

    /// A slab that was full has room.
    #[cold]
    fn has_room(&mut self, slab: &'static Slab) {
        let start = slab.start();
        let partial = &mut self.bins[slab.class().index()].partial;
        partial.insert(&Slabs, slab.address(), |other| start < slab::slab(other).start());
    }

    /// A slab has become empty: it is kept, or the higher one of it and the one that was kept goes back to the heap.
    #[cold]
    fn emptied<S: PageSource>(&mut self, heap: &mut Heap<S>, slab: &'static Slab) {
        let bin = &mut self.bins[slab.class().index()];
        let kept = core::mem::replace(&mut bin.empty, slab.address());
        if kept == NONE {
            return;
        }
        let kept = slab::slab(kept);
        let higher = if kept.start() > slab.start() { kept } else { slab };
        bin.empty = kept.address() ^ slab.address() ^ higher.address();
        self.dissolve(heap, higher);
    }

    /// Gives the empty slabs that are kept back to the heap.
    pub fn release_empty<S: PageSource>(&mut self, heap: &mut Heap<S>) {
        for class in SizeClass::slabs() {
            let empty = core::mem::replace(&mut self.bins[class.index()].empty, NONE);
            if empty != NONE {
                self.dissolve(heap, slab::slab(empty));
            }
        }
    }

    /// Gives the whole pages back to the operating system that only free objects reach into, in all slabs that have changed; how
    /// many bytes they have.
    pub fn purge<S: PageSource>(&mut self, heap: &Heap<S>) -> usize {
        let (mut given, mut at) = (0, Some(Purged::NOTHING));
        while let Some(from) = at {
            at = self.purge_some(heap, from, usize::MAX, &mut given);
        }
        given
    }

    /// The same from where a purge had come to, until about so many bytes have been looked at. `None` when all is done.
    pub fn purge_some<S: PageSource>(
        &mut self,
        heap: &Heap<S>,
        from: Purged,
        mut bytes: usize,
        given: &mut usize,
    ) -> Option<Purged> {
        let Purged { mut class, mut start } = from;
        if (class, start) == (1, 0) {
            self.dirty = 0;
        }
        while class < SLAB_CLASSES {
            let partial = &self.bins[class].partial;
            let mut record = partial.first_behind(&Slabs, |other| slab::slab(other).start() > start);
            while record != NONE {
                let slab = slab::slab(record);
                start = slab.start();
                if slab.take_changed() {
                    let (behind, end) = (slab.object(slab.class().objects()), start + slab.class().slab_bytes());
                    slab.for_each_free_run(|from, to| {
                        // The unused rest goes with the last object, and so does the next slab's header.
                        let to = if to == behind && heap.can_purge_header(end) { end } else { to };
                        *given += heap.purge_inside(from, to);
                    });
                    let looked = slab.class().slab_bytes();
                    if bytes <= looked {
                        return Some(Purged { class, start });
                    }
                    bytes -= looked;
                }
                record = partial.next_fit(&Slabs, record, 1);
            }
            (class, start) = (class + 1, 0);
        }
        None
    }

    fn new_slab<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass) -> Option<&'static Slab> {
        let bin = &mut self.bins[class.index()];
        let record = match bin.spare {
            NONE => self.metadata.alloc(heap.source(), slab::record_bytes(class))?,
            spare => {
                bin.spare = slab::slab(spare).next_spare();
                spare
            }
        };
        let slab = slab::slab(record);
        let Some(start) = heap.alloc_units(class.slab_bytes()) else {
            slab.set_next_spare(bin.spare);
            bin.spare = record;
            return None;
        };
        slab.begin(start, class, heap.arena());
        bin.partial.insert(&Slabs, record, |other| start < slab::slab(other).start());
        for (index, unit) in (start..start + class.slab_bytes()).step_by(UNIT).enumerate() {
            heap.page_map().set_slab_entry(unit, slab.entry(index));
        }
        // Behind the last object is no other, though a pointer there divides: the key makes `free` look closer.
        let behind = start + class.objects() * class.size();
        if behind + size_of::<u64>() <= start + class.slab_bytes() - HEADER {
            key::set(behind);
        }
        self.figures.slabs += 1;
        self.figures.bytes += heap.size_of(start);
        Some(slab)
    }

    /// Gives an empty slab back to the heap.
    fn dissolve<S: PageSource>(&mut self, heap: &mut Heap<S>, slab: &'static Slab) {
        let class = slab.class();
        let bin = &mut self.bins[class.index()];
        bin.partial.remove(&Slabs, slab.address());
        // The page map tells what purged headers were.
        heap.restore_header(slab.start());
        heap.restore_header(slab.start() + class.slab_bytes());
        for unit in (slab.start()..slab.start() + class.slab_bytes()).step_by(UNIT) {
            heap.page_map().set_slab_entry(unit, 0);
        }
        self.figures.slabs -= 1;
        self.figures.bytes -= heap.size_of(slab.start());
        // From here on the heap counts them.
        self.dirty = self.dirty.saturating_sub(class.objects() * class.size());
        heap.free_own(slab.start());
        slab.set_next_spare(bin.spare);
        bin.spare = slab.address();
    }

    /// The validator: every slab that the page map knows in the heap's regions stands in a block of its own, is known to
    /// all of its units, and its counts agree with its bitmap; the bins hold exactly those with room, in order; and
    /// the figures are their sums.
    pub fn check<S: PageSource>(&self, heap: &Heap<S>) -> Result<(), Broken> {
        let mut found = SlabFigures::default();
        let mut partial = 0;
        let mut broken = None;
        heap.for_each_unit(|unit| {
            let Some(entry) = Entry::new(heap.page_map().slab_entry(unit)) else { return };
            let (slab, class) = (entry.slab(), entry.class());
            let index = (unit - slab.start()) / UNIT;
            let what =
                if heap.page_map().slab_entry(unit) != slab.entry(index) || unit >= slab.start() + class.slab_bytes() {
                    Some("the page map is wrong about a unit of a slab")
                } else if index != 0 {
                    None
                } else if !slab.counts_agree() {
                    Some("a slab's count is not that of its bitmap")
                } else if !heap.is_block(slab.start(), class.slab_bytes()) {
                    Some("a slab does not stand in a block of its own")
                } else {
                    None
                };
            if let Some(what) = what {
                broken = broken.or(Some(Broken { what, address: unit }));
            } else if index == 0 {
                found.slabs += 1;
                found.bytes += heap.size_of(slab.start());
                found.objects += class.objects() - slab.free();
                found.object_bytes += (class.objects() - slab.free()) * class.size();
                partial += usize::from(slab.free() != 0);
            }
        });
        if let Some(broken) = broken {
            return Err(broken);
        }
        let listed = self.check_trees()?;
        let ensure = |holds, what| if holds { Ok(()) } else { Err(Broken { what, address: 0 }) };
        ensure(listed == partial, "the bins do not hold all slabs with room")?;
        ensure(found == self.figures, "the bins' figures are not the sums of the slabs")
    }

    /// How many slabs the bins hold; each is in order and has room.
    fn check_trees(&self) -> Result<usize, Broken> {
        let mut listed = 0;
        for class in SizeClass::slabs() {
            let bin = &self.bins[class.index()];
            let mut last = 0;
            let mut record = bin.partial.first_fit(&Slabs, 1).unwrap_or(NONE);
            while record != NONE {
                let slab = slab::slab(record);
                let address = slab.start();
                if slab.class() != class || slab.free() == 0 || slab.start() <= last {
                    return Err(Broken { what: "a slab is in a bin where it does not belong", address });
                }
                if slab.is_empty() && record != bin.empty {
                    return Err(Broken { what: "an empty slab was not given back", address });
                }
                last = slab.start();
                listed += 1;
                record = bin.partial.next_fit(&Slabs, record, 1);
            }
        }
        Ok(listed)
    }
}

/// What a pointer that is no object's start is.
pub fn interior(entry: Entry, address: usize) -> Misuse {
    let (slab, size) = (entry.slab(), entry.class().size());
    let offset = address - slab.start();
    if offset / size < entry.class().objects() { Misuse::Interior(offset % size, size) } else { Misuse::Interior(0, 0) }
}
