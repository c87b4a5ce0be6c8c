//! Parked slabs: units of the heap that stand as empty slabs while nobody needs them.
//!
//! All of a hole could go back to the system but for what stands on it that is the heap's: its node on the first page, its boundary tag on the
//! last, its header on the page before. Nothing stands on an empty slab. So when memory is given back, holes of whole units are filled with empty
//! slabs, one to a unit, of a class of their own that has no objects. And a slab cut out of memory that nobody has touched yet would have three pages at once: its
//! first with the node of what was left of the hole before, its last with the header of what is left of it now. So a run of such units is
//! taken together, and all but the first are parked: a page of theirs is touched when an object on it is handed out, and not before.
//!
//! Parked slabs become slabs of a class where no hole has pages for one, and holes again when memory is given back, and where the heap has no room otherwise.

#![allow(unsafe_code)]

use super::bins::{Bins, PARKED};
use super::slab::Slab;
use crate::base::class::SizeClass;
use crate::base::config::UNIT;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;
use core::ops::Range;

/// Of larger holes three pages are next to nothing.
const HOLE_MAX: usize = 8 * UNIT;
/// Units that are taken together.
const RUN: usize = 16;
/// Slabs that are parked, or put back into the heap, while others wait for the lock.
const STEP: usize = 256;

/// The first class without slabs: nothing in a parked one is taken for an object.
fn class() -> SizeClass {
    SizeClass::of_index(PARKED)
}

impl Bins {
    /// Bytes of the parked slabs.
    pub fn parked(&self) -> usize {
        self.parked * UNIT
    }

    fn lowest_parked(&self) -> Option<&'static Slab> {
        self.slab_behind(PARKED, 0)
    }

    /// Parks holes, a step's worth; whether there may be more.
    pub fn park<S: PageSource>(&mut self, heap: &mut Heap<S>) -> bool {
        let (mut left, mut next) = (STEP, heap.next_unit_hole(None, HOLE_MAX));
        while let Some(hole) = next {
            // Asked for first: parking takes the hole out of the list.
            next = heap.next_unit_hole(Some(hole), HOLE_MAX);
            // SAFETY: the list's block.
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
        // SAFETY: what is left of a hole of whole units starts there.
        unsafe { heap.take_hole(unit, UNIT) };
        self.park_block(heap, unit, record).set_changed();
        if let Some(before) = heap.page_map().slab_entry(unit - UNIT) {
            // Its last page has the header of this one, which may go too now.
            before.slab().set_changed();
        }
        true
    }

    /// Makes a block of a unit a parked slab.
    fn park_block<S: PageSource>(&mut self, heap: &Heap<S>, unit: usize, slab: &'static Slab) -> &'static Slab {
        slab.begin_head(unit, Some(class()), 1, heap.arena());
        slab.set_free(0);
        heap.page_map().set_slab_entry(unit, Some(slab.entry(0)));
        self.insert(PARKED, slab);
        self.parked += 1;
        slab
    }

    /// Takes a unit that nobody has touched yet, and parks those behind it.
    #[cold]
    pub(super) fn take_and_park<S: PageSource>(&mut self, heap: &mut Heap<S>) -> Option<usize> {
        let Range { start, end } = heap.take_fresh_units(RUN, self.bytes)?;
        self.collapse_one(heap);
        for unit in (start + UNIT..end).step_by(UNIT) {
            let Some(record) = self.new_record(heap, class()) else {
                // SAFETY: those that were not parked.
                unsafe { heap.give_fresh_units(unit..end) };
                break;
            };
            self.park_block(heap, unit, record);
        }
        Some(start)
    }

    /// Makes parked slabs holes again, a step's worth or all; whether there are more.
    #[cold]
    pub fn unpark<S: PageSource>(&mut self, heap: &mut Heap<S>, all: bool) -> bool {
        let mut left = STEP;
        while let Some(start) = self.lowest_parked().map(Slab::start) {
            if left == 0 && !all {
                return true;
            }
            let mut end = start;
            // Neighbours together: what would be headers between them need no page.
            while let Some(slab) = self.lowest_parked().filter(|slab| slab.start() == end) {
                self.forget_parked(slab);
                end += UNIT;
                left = left.saturating_sub(1);
            }
            // The page map tells what purged headers were.
            // SAFETY: parked slabs, of a unit each, that are the caller's now; the last one ends there.
            unsafe {
                heap.restore_header(end);
                heap.join_units(start, end);
            }
            (start..end).step_by(UNIT).for_each(|unit| heap.page_map().set_slab_entry(unit, None));
            heap.free_own(start);
            // It went back long ago.
            heap.forget_dirty(end - start);
        }
        false
    }

    /// Allocates `n` bytes of the heap, aligned. Where it has no room for them the parked slabs are made holes before, if these may be enough, so that it
    /// need not grow; or else when it cannot.
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
            // Without any the system has just been asked in vain.
            if self.parked == 0 {
                return None;
            }
            self.unpark(heap, true);
            alloc(heap)
        })
    }

    /// Takes the lowest parked slab for another one in its place, whose record comes before anybody looks; its first address.
    pub(super) fn take_parked(&mut self) -> Option<usize> {
        let slab = self.lowest_parked()?;
        self.forget_parked(slab);
        Some(slab.start())
    }

    /// Takes a slab out of those that are parked. The page map knows it still.
    #[cold]
    fn forget_parked(&mut self, slab: &'static Slab) {
        self.bins[PARKED].partial.remove(slab);
        self.parked -= 1;
        self.drop_record(slab);
    }
}
