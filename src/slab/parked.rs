//! Parked slabs: units of the heap that stand as empty slabs while nothing needs them.
//!
//! A hole cannot go back to the system as a whole, as words of the heap keep three pages: its node is on
//! its first page, its boundary tag on the last, its header on the page before. An empty slab has no
//! such words. So when memory is given back, holes of whole units are filled with empty slabs. Each has
//! one unit, and a class of its own that has no objects.
//!
//! Cutting one slab out of untouched memory would also touch three pages at once: its first holds the node of what
//! was left of the hole before, its last the header of what is left after it. So a run of such units is taken
//! together, and all but the first are parked. A page of theirs is first touched when an object on it is handed out.
//!
//! If no hole has pages for a slab, a parked slab becomes a slab of a class. Parked slabs become holes
//! again when memory is given back, and when the heap has no other room.

#![allow(unsafe_code)]

use super::bins::{Bins, PARKED};
use super::slab::Slab;
use crate::base::class::SizeClass;
use crate::base::config::UNIT;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;
use core::ops::Range;

/// In larger holes three pages do not matter.
const HOLE_MAX: usize = 8 * UNIT;
/// Units that are taken together.
const RUN: usize = 16;
/// How many slabs a step parks, or puts back into the heap. Other threads wait for the lock meanwhile.
const STEP: usize = 256;

/// The first class without slabs: no address in a parked slab counts as an object.
fn class() -> SizeClass {
    SizeClass::of_index(PARKED)
}

impl Bins {
    /// The bytes of the parked slabs.
    pub fn parked(&self) -> usize {
        self.parked * UNIT
    }

    fn lowest_parked(&self) -> Option<&'static Slab> {
        self.slab_behind(PARKED, 0)
    }

    /// Parks one step's worth of holes, and returns whether there may be more.
    pub fn park<S: PageSource>(&mut self, heap: &mut Heap<S>) -> bool {
        let (mut left, mut next) = (STEP, heap.next_unit_hole(None, HOLE_MAX));
        while let Some(hole) = next {
            // This comes first, as parking takes the hole out of the list.
            next = heap.next_unit_hole(Some(hole), HOLE_MAX);
            let hole = hole.address();
            // SAFETY: a block of the list.
            let bytes = unsafe { heap.size_of(hole) };
            for unit in (hole..hole + bytes).step_by(UNIT) {
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
        // SAFETY: the rest of a hole of whole units starts there.
        unsafe { heap.take_hole(unit, UNIT) };
        self.park_block(heap, unit, record).set_changed();
        if let Some(before) = heap.page_map().slab_entry(unit - UNIT) {
            // Its last page holds this slab's header, and can go back too from here on.
            before.slab().set_changed();
        }
        true
    }

    /// Makes a block of one unit a parked slab.
    fn park_block<S: PageSource>(&mut self, heap: &Heap<S>, unit: usize, slab: &'static Slab) -> &'static Slab {
        slab.begin_head(unit, Some(class()), 1, heap.arena());
        slab.set_free(0);
        heap.page_map().set_slab_entry(unit, Some(slab.entry(0)));
        self.insert(PARKED, slab);
        self.parked += 1;
        slab
    }

    /// Takes a unit that was never touched, and parks the units after it.
    #[cold]
    pub(super) fn take_and_park<S: PageSource>(&mut self, heap: &mut Heap<S>) -> Option<usize> {
        let Range { start, end } = heap.take_fresh_units(RUN, self.bytes)?;
        self.collapse_one(heap);
        for unit in (start + UNIT..end).step_by(UNIT) {
            let Some(record) = self.new_record(heap, class()) else {
                // SAFETY: these units were not parked.
                unsafe { heap.give_fresh_units(unit..end) };
                break;
            };
            self.park_block(heap, unit, record);
        }
        Some(start)
    }

    /// Makes parked slabs holes again, one step's worth or all, and returns whether there are more.
    #[cold]
    pub fn unpark<S: PageSource>(&mut self, heap: &mut Heap<S>, all: bool) -> bool {
        let mut left = STEP;
        while let Some(start) = self.lowest_parked().map(Slab::start) {
            if left == 0 && !all {
                return true;
            }
            let mut end = start;
            // Neighbours become one hole, so no header between them needs a page.
            while let Some(slab) = self.lowest_parked().filter(|slab| slab.start() == end) {
                self.forget_parked(slab);
                end += UNIT;
                left = left.saturating_sub(1);
            }
            // If the headers were purged, they follow from the page map.
            // SAFETY: parked slabs of one unit each, which this call owns. The last one ends there.
            unsafe {
                heap.restore_header(end);
                heap.join_units(start, end);
            }
            (start..end).step_by(UNIT).for_each(|unit| heap.page_map().set_slab_entry(unit, None));
            heap.free_own(start);
            // This memory counts as given back already.
            heap.forget_dirty(end - start);
        }
        false
    }

    /// Allocates `n` bytes of the heap, aligned. If the heap has no room for them, and the parked slabs may be
    /// enough, these become holes first, so that the heap need not grow. Otherwise they do if it cannot grow.
    pub(super) fn alloc_with_parked<S: PageSource, T>(
        &mut self,
        heap: &mut Heap<S>,
        n: usize,
        align: usize,
        alloc: impl Fn(&mut Heap<S>) -> Option<T>,
    ) -> Option<T> {
        if self.parked() > n && !heap.is_dense(self.bytes) && !heap.has_room(n, align) {
            self.unpark(heap, true);
        }
        alloc(heap).or_else(|| {
            // With no parked slabs the system has just been asked in vain.
            if self.parked == 0 {
                return None;
            }
            self.unpark(heap, true);
            alloc(heap)
        })
    }

    /// Takes the lowest parked slab, for another slab in its place, and returns its first address. The
    /// page map gets the other slab's record before any look-up.
    pub(super) fn take_parked(&mut self) -> Option<usize> {
        let slab = self.lowest_parked()?;
        self.forget_parked(slab);
        Some(slab.start())
    }

    /// Takes a slab out of the parked ones. The page map still has it.
    #[cold]
    fn forget_parked(&mut self, slab: &'static Slab) {
        self.bins[PARKED].partial.remove(slab);
        self.parked -= 1;
        self.drop_record(slab);
    }
}
