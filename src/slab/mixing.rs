//! When slabs become mixed ones, and what bins do with these.

use super::bins::{Bins, SlabFigures};
use super::misuse::{ObjectMisuse, interior};
use super::mixed::grains_of;
use super::slab::{Entry, Object, Slab};
use crate::base::class::SizeClass;
use crate::base::config::UNIT;
use crate::base::shared::AtomicUsize;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;

/// With fewer free bytes in slabs than this, no slab becomes a mixed one.
const MIX_LEAST: usize = 1 << 20;
/// One part in so many must be free: of all slabs, of those of the class, and of the slab itself.
const MIX_PART: usize = 4;
/// Free objects are left to their own class until slabs have handed out one part in so many of their bytes.
const WAIT_PART: usize = 16;

impl Bins {
    /// Whether an object of the class has room in a mixed slab. Makes one if that is worth it.
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

    /// Whether so much is free in slabs that other classes should get it. A class in use always has
    /// about as much free as one slab has: that does not count.
    fn is_sparse(&self) -> bool {
        let SlabFigures { bytes, object_bytes, .. } = self.figures();
        let usual = |class: SizeClass| self.bins[class.index()].free().min(class.objects()) * class.size();
        let free = bytes - object_bytes - SizeClass::slabs().map(usual).sum::<usize>();
        free >= MIX_LEAST.max(bytes / MIX_PART)
    }

    /// The highest slab of another class, if much of it is free and it has room for an object of
    /// `class`. Of several such classes, the one with the most free bytes.
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

    /// Takes objects of a class from the lowest mixed slab with room for one, and returns how many.
    /// They go into the last places.
    pub(super) fn take_mixed(&mut self, class: SizeClass, places: &[AtomicUsize]) -> usize {
        let partial = &mut self.bins[0].partial;
        let Some(slab) = partial.first_fit(grains_of(class)) else { return 0 };
        let taken = slab.take_mixed(class, places);
        partial.resize(slab);
        self.bins[class.index()].mixed += taken;
        taken
    }

    /// Takes an object of a mixed slab back, and returns its class.
    #[cold]
    pub(super) fn put_back_mixed<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        entry: Entry,
        address: usize,
    ) -> Result<SizeClass, ObjectMisuse> {
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
