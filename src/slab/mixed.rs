//! Mixed slabs: their free memory serves any size.
//!
//! ```text
//!     record    head | free: a bit for each grain, 1 = free | starts: a bit for each grain, 1 = a start or an end
//! ```
//!
//! When a program's sizes change, slabs remain in which a few objects hold whole pages, and no other class
//! can use the rest. Such a slab becomes a mixed one. Its objects stay where they are, but from then on it is
//! counted in grains. An object of any class takes a run of free grains, with no more alignment than a
//! grain's. In the page map the slab's units have no bin, so the fast path of `free` leaves its objects to
//! the slow path. The slab's last grain belongs to no object: it ends with the next block's header.
//!
//! Bits are written under the arena's lock, but `free` looks an object up without the lock. The bits
//! that it reads do not change while the object is handed out: the one where it starts, those inside
//! it, and the one behind it. That last one stays when the memory there is freed, and when it is taken.

use super::misuse::ObjectMisuse;
use super::slab::Slab;
use crate::base::bits::Bits;
use crate::base::class::SizeClass;
use crate::base::config::{GRAIN, UNIT};
use crate::base::shared::AtomicUsize;
use core::ops::Range;
use core::sync::atomic::Ordering;

/// Grains of a unit.
const GRAINS: usize = UNIT / GRAIN;

/// After a search in vain a mixed slab offers longer runs only when one part in so many has come back.
/// Otherwise each object freed in it could cause another search.
const RETURNED_PART: usize = 16;

/// Bytes of the bitmaps for so many units.
pub const fn bitmap_bytes(units: usize) -> usize {
    2 * units * GRAINS / 8
}

/// The class whose objects have so many grains.
fn class_of(grains: usize) -> Option<SizeClass> {
    SizeClass::for_size(grains * GRAIN).filter(|class| class.size() == grains * GRAIN)
}

/// The grains of an object of a class.
#[expect(clippy::cast_possible_truncation, reason = "at most 2^11")]
pub fn grains_of(class: SizeClass) -> u32 {
    (class.size() / GRAIN) as u32
}

impl Slab {
    fn grains(&self) -> usize {
        self.bytes() / GRAIN
    }

    #[inline(always)]
    fn free_grains(&self) -> Bits<'static> {
        self.bits_behind(0, self.grains() / 64)
    }

    #[inline(always)]
    fn starts(&self) -> Bits<'static> {
        self.bits_behind(self.grains() / 64, self.grains() / 64)
    }

    /// Makes a run of free grains an object. The bits of other objects never change meanwhile.
    fn mark_out(&self, first: usize, size: usize) {
        let starts = self.starts();
        starts.set(first);
        if size > 1 {
            starts.fill(first + 1..first + size, false);
        }
        starts.set(first + size);
        self.free_grains().fill(first..first + size, false);
    }

    fn at_grain(&self, grain: usize) -> usize {
        self.start() + grain * GRAIN
    }

    /// Makes this record that of the slab of `origin`, as a mixed one. No thread reads it before the
    /// page map leads to it.
    pub fn begin_mixed(&self, origin: &'static Self) {
        self.begin_head(origin.start(), None, origin.bytes() / UNIT, origin.arena());
        self.set_origin(origin);
        if origin.take_changed() {
            // The slab's free pages are still to be given back.
            self.set_changed();
        }
        let (free, class) = (self.free_grains(), origin.class());
        free.fill(0..self.grains(), true);
        self.starts().fill(0..self.grains(), false);
        let size = class.map_or(GRAIN, |class| class.size()) / GRAIN;
        for index in (0..class.map_or(0, SizeClass::objects)).filter(|&index| !origin.is_free(index)) {
            self.mark_out(index * size, size);
        }
        // The last grain belongs to no object.
        self.starts().set(self.grains() - 1);
        free.fill(self.grains() - 1..self.grains(), false);
        self.set_free(free.count());
        self.set_searched(0, 0);
        self.set_longest(self.runs().map(|run| run.len()).max().unwrap_or(0), 0);
        self.set_room(self.longest().0);
    }

    /// The class of the object that starts at a grain, if one does.
    #[inline(always)]
    pub fn class_at(&self, grain: usize) -> Option<SizeClass> {
        let starts = self.starts();
        let is_start = grain + 1 < self.grains() && starts.get(grain) && !self.free_grains().get(grain);
        if is_start { class_of(starts.next(grain + 1, true) - grain) } else { None }
    }

    /// What is wrong with a pointer into a mixed slab at which no object starts.
    #[cold]
    pub fn interior(&self, address: usize) -> ObjectMisuse {
        let grain = (address - self.start()) / GRAIN;
        if self.free_grains().get(grain) {
            return ObjectMisuse::Freed(0);
        }
        let first = self.starts().last(grain + 1, true).unwrap_or(0);
        let size = self.class_at(first).map_or(0, SizeClass::size);
        ObjectMisuse::Interior(if size == 0 { 0 } else { address - self.at_grain(first) }, size)
    }

    /// The runs of free grains.
    fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        self.free_grains().runs(self.grains())
    }

    /// Calls `f` with the number of grains of each free run.
    pub fn for_each_run(&self, mut f: impl FnMut(usize)) {
        self.runs().for_each(|run| f(run.len()));
    }

    /// Takes objects of a class, lowest first, and returns how many. The lowest goes into the last place.
    pub fn take_mixed(&self, class: SizeClass, places: &[AtomicUsize]) -> usize {
        let free = self.free_grains();
        let size = class.size() / GRAIN;
        let (from, least) = self.searched();
        let (mut taken, mut at) = (0, if size < least { 0 } else { from });
        for place in places.iter().rev() {
            let Some(found) = free.find_run(at, size) else {
                self.set_longest(self.longest().0.min(size - 1), 0);
                self.set_room(self.room().min(size - 1));
                break;
            };
            self.mark_out(found, size);
            place.store(self.at_grain(found), Ordering::Relaxed);
            taken += 1;
            at = found + size;
        }
        self.set_searched(at, size);
        self.set_free(self.free() - taken * size);
        taken
    }

    /// Takes back the object of a class that starts at a grain.
    pub fn give_mixed(&self, grain: usize, class: SizeClass) {
        let (free, size) = (self.free_grains(), class.size() / GRAIN);
        free.fill(grain..grain + size, true);
        self.set_free(self.free() + size);
        self.set_changed();
        let first = free.last(grain, false).map_or(0, |last| last + 1);
        let run = free.next(grain, false) - first;
        let (longest, returned) = self.longest();
        self.set_longest(longest.max(run), returned + size);
        if returned + size >= self.grains() / RETURNED_PART {
            self.set_room(longest.max(run));
        }
        let (from, least) = self.searched();
        if first < from && run >= least {
            self.set_searched(first, least);
        }
    }

    /// Whether no object of a mixed slab is handed out.
    pub fn is_mixed_empty(&self) -> bool {
        self.free() == self.grains() - 1
    }

    /// How many objects are handed out, and their bytes; `None` if counts and bitmaps disagree. For the validators.
    pub fn mixed_figures(&self) -> Option<(usize, usize)> {
        let (mut objects, mut bytes, mut grain) = (0, 0, 0);
        let (last, (from, least)) = (self.grains() - 1, self.searched());
        while grain < last {
            if self.free_grains().get(grain) {
                grain += 1;
                continue;
            }
            let class = self.class_at(grain)?;
            let end = grain + class.size() / GRAIN;
            if self.free_grains().next(grain, true) < end {
                return None;
            }
            (objects, bytes, grain) = (objects + 1, bytes + class.size(), end);
        }
        let agree = grain == last
            && self.starts().get(last)
            && !self.free_grains().get(last)
            && self.free() == self.free_grains().count()
            && self.runs().all(|run| run.len() <= self.longest().0)
            && self.room() <= self.longest().0
            && self.runs().all(|run| run.start >= from || run.len() < least);
        agree.then_some((objects, bytes))
    }
}

#[cfg(feature = "models")]
#[allow(unsafe_code)]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::base::pointer;
    use crate::slab::metadata::RECORD_ALIGN;

    const SIZE: usize = 4096;
    const GRAINS_OF: usize = SIZE / GRAIN;

    std::thread_local! {
        /// Memory for two records. What a model writes to it is kept by `base::model`, and not in this memory.
        static RECORDS: usize = {
            let layout = std::alloc::Layout::from_size_align(64 << 10, RECORD_ALIGN).unwrap();
            // SAFETY: the layout's size is not zero.
            unsafe { std::alloc::alloc_zeroed(layout) }.expose_provenance()
        };
    }

    fn places() -> [AtomicUsize; 2] {
        [(); 2].map(|()| AtomicUsize::new(0))
    }

    /// A mixed slab that had a class, with `out` objects handed out.
    fn mixed(out: usize) -> (&'static Slab, SizeClass) {
        let at = |place: usize| -> &'static Slab {
            // SAFETY: zeroes, never given back.
            unsafe { pointer::to_ref(RECORDS.with(|&records| records) + place) }
        };
        let (origin, slab, class) = (at(0), at(32 << 10), SizeClass::for_size(SIZE).unwrap());
        origin.begin(UNIT, class, 0);
        origin.take(class, &places()[..out]);
        slab.begin_mixed(origin);
        (slab, class)
    }

    #[test]
    fn an_object_is_found_while_the_one_before_it_is_given_back() {
        model(3, || {
            let (slab, class) = mixed(2);
            let owner = loom::thread::spawn(move || slab.class_at(GRAINS_OF) == Some(class));
            slab.give_mixed(0, class);
            assert!(owner.join().unwrap());
            assert!(slab.class_at(0).is_none() && slab.class_at(GRAINS_OF) == Some(class));
        });
    }

    #[test]
    fn an_object_is_found_while_the_room_before_it_is_taken() {
        model(3, || {
            let (slab, class) = mixed(2);
            slab.give_mixed(0, class);
            let owner = loom::thread::spawn(move || slab.class_at(GRAINS_OF) == Some(class));
            let place = places();
            slab.take_mixed(class, &place[..1]);
            assert_eq!(place[0].load(Ordering::Relaxed), UNIT);
            assert!(owner.join().unwrap());
            assert!(slab.class_at(0) == Some(class));
        });
    }
}
