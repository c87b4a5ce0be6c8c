//! The table of a cache: from a size to its bin. And what bins and the remote buffer have room for.

#![allow(unsafe_code)]

use super::cache::{Bin, Cache, PLACES};
use crate::base::arch::{entry_at, is_below_at, is_below_word, is_entry_at};
use crate::base::class::{self, CLASSES, SizeClass};
use crate::base::shared::AtomicU16;
use crate::process::profiling;
use core::mem::offset_of;
use core::sync::atomic::Ordering::Relaxed;

impl Cache {
    #[inline(always)]
    pub(super) fn bin_at(&self, distance: usize) -> &Bin {
        debug_assert!(distance < CLASSES * class::BIN && distance.is_multiple_of(class::BIN));
        // SAFETY: distances come from the table of classes or from a slab's entry: they are those of bins.
        unsafe { &*(&raw const self.bins).cast::<usize>().add(distance).cast() }
    }

    /// Whether the stack of the bin at `distance`, whose top slot is at `top`, has a free slot.
    #[inline(always)]
    pub(super) fn has_room(&self, distance: usize, top: usize) -> bool {
        // SAFETY: `distance` is that of a bin.
        unsafe { is_below_at::<{ offset_of!(Self, bins) + offset_of!(Bin, end) }, _>(top, self, distance) }
    }

    /// The distance of the bin for a size in grains below the gate's limit.
    #[inline(always)]
    pub(super) fn distance_of(&self, grain: usize) -> usize {
        debug_assert!(grain < class::GRAINS);
        // SAFETY: the table is longer than the value of an open gate, and `grain` is below that.
        unsafe { entry_at::<{ offset_of!(Self, bins_of_grains) }, _>(self, grain) }
    }

    /// Whether that is the bin at `distance`.
    #[inline(always)]
    pub(super) fn is_distance_of(&self, grain: usize, distance: usize) -> bool {
        debug_assert!(grain < class::GRAINS);
        // SAFETY: as above.
        unsafe { is_entry_at::<{ offset_of!(Self, bins_of_grains) }, _>(distance, self, grain) }
    }

    /// The distance of the bin for heap blocks of so many steps above `SLAB_MAX`, fewer than `BLOCK_STEPS`.
    #[inline(always)]
    pub(super) fn distance_of_step(&self, step: usize) -> usize {
        debug_assert!(step < class::BLOCK_STEPS);
        const FIRST: usize = offset_of!(Cache, bins_of_grains) + class::GRAINS * size_of::<AtomicU16>();
        // SAFETY: the steps follow the grains.
        unsafe { entry_at::<FIRST, _>(self, step) }
    }

    /// Whether the remote buffer has room behind its last used slot, `top`.
    #[inline(always)]
    pub(super) fn has_remote_room(&self, top: usize) -> bool {
        // SAFETY: the word is there.
        unsafe { is_below_word::<{ offset_of!(Self, remote_end) }, _>(top, self) }
    }

    pub(super) fn table(&self) -> &[AtomicU16] {
        &self.bins_of_grains[..PLACES]
    }

    /// Whether the fast paths do not find a class's bin.
    pub(super) fn is_hidden(&self, class: SizeClass) -> bool {
        self.table().get(class.places().start).is_some_and(|bin| bin.load(Relaxed) == 0)
    }

    /// Enters all classes in use.
    #[cold]
    #[inline(never)]
    pub(super) fn show_used(&self) {
        self.used().for_each(|class| self.show(class));
    }

    /// Enters a class into the table of bins, so that the fast paths find its bin. Not while the
    /// cache is armed for the class, or the class's allocations are counted for a profile.
    pub(super) fn show(&self, class: SizeClass) {
        if !self.is_armed_for(class) && (profiling::rate() == 0 || self.is_marked(class)) {
            let table = self.table();
            let places = class.places();
            let places = places.start.min(table.len())..places.end.min(table.len());
            table[places.clone()].iter().zip(&class::BINS[places]).for_each(|(to, &from)| to.store(from, Relaxed));
        }
    }
}
