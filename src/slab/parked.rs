//! Parked slabs: small holes of the heap that stand as empty slabs while nobody needs them.
//!
//! All of a hole could go back to the system but for what stands on it that is the heap's: its node on the first page, its boundary tag on the
//! last, its header on the page before. Nothing stands on an empty slab. So when memory is given back, holes of whole units are filled with empty
//! slabs, one to a unit, whose class does not matter. They are the first to become slabs of a class, and holes again before the heap grows.

use super::bins::{Bins, PARKED};
use super::slab::{self, Entry, Slab, Slabs};
use crate::base::class::SizeClass;
use crate::base::config::UNIT;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;

/// Of larger holes three pages are next to nothing.
const HOLE_MAX: usize = 8 * UNIT;
/// Slabs that are parked, or put back into the heap, while others wait for the lock.
const STEP: usize = 256;
/// Few objects, so the record is small.
const OBJECT: usize = 1024;

fn class() -> SizeClass {
    SizeClass::for_size(OBJECT).unwrap_or(SizeClass::of_index(1))
}

impl Bins {
    /// Bytes of the parked slabs.
    pub fn parked(&self) -> usize {
        self.parked * UNIT
    }

    fn lowest_parked(&self) -> Option<&'static Slab> {
        self.bins[PARKED].partial.first_fit(&Slabs, 1).map(slab::slab)
    }

    /// Parks holes, a step's worth; whether there may be more.
    pub fn park<S: PageSource>(&mut self, heap: &mut Heap<S>) -> bool {
        let (mut left, mut next) = (STEP, heap.next_unit_hole(None, HOLE_MAX));
        while let Some(hole) = next {
            // Asked for first: parking takes the hole out of the list.
            next = heap.next_unit_hole(Some(hole), HOLE_MAX);
            for unit in (hole..hole + heap.size_of(hole)).step_by(UNIT) {
                if left == 0 {
                    return true;
                }
                if !self.park_unit(heap, unit) {
                    return false;
                }
                left -= 1;
            }
        }
        false
    }

    fn park_unit<S: PageSource>(&mut self, heap: &mut Heap<S>, unit: usize) -> bool {
        let Some(record) = self.new_record(heap, class()) else { return false };
        heap.take_hole(unit, UNIT);
        let slab = slab::slab(record);
        slab.begin(unit, class(), heap.arena());
        slab.set_changed();
        heap.page_map().set_slab_entry(unit, slab.entry(0));
        if let Some(before) = Entry::new(heap.page_map().slab_entry(unit - UNIT)) {
            // Its last page has the header of this one, which may go too now.
            before.slab().set_changed();
        }
        self.insert(PARKED, slab);
        self.parked += 1;
        self.count_slab(heap, slab);
        true
    }

    /// Makes parked slabs holes again, a step's worth or all; whether there are more.
    pub fn unpark<S: PageSource>(&mut self, heap: &mut Heap<S>, all: bool) -> bool {
        let mut left = STEP;
        while let Some(slab) = self.lowest_parked() {
            if left == 0 && !all {
                return true;
            }
            left = left.saturating_sub(1);
            self.give_back(heap, slab, PARKED);
            self.parked -= 1;
            // It went back long ago.
            heap.forget_dirty(UNIT);
            self.drop_record(slab);
        }
        false
    }

    /// Takes the lowest parked slab out, for another one in its place, whose record comes before anybody looks; its first address.
    pub fn take_parked(&mut self) -> Option<usize> {
        let slab = self.lowest_parked()?;
        self.bins[PARKED].partial.remove(&Slabs, slab.address());
        self.parked -= 1;
        self.forget_slab(slab.bytes());
        self.drop_record(slab);
        Some(slab.start())
    }
}
