//! The page map: which span, if any, a 64 KiB unit of address space belongs to.
//!
//!     address  | 47 ... 30 | 29 ... 16 | 15 ... 0 |
//!                root index  leaf index   in the unit
//!
//! Two levels: a root in .bss, one entry for each GiB (1 MiB of address space on `x86_64`, of which only touched pages
//! cost), and leaves of 16,384 units, mapped when first needed and kept. Every pointer that comes in is looked up here before
//! anything behind it is read. Reading is two loads, writing is atomic stores: no lock.

#![allow(unsafe_code)]

use super::span::Span;
use crate::base::config::{ADDRESS_BITS, UNIT};
use crate::sys::pages::PageSource;
use core::sync::atomic::{AtomicPtr, Ordering};

const UNIT_BITS: u32 = UNIT.trailing_zeros();
const LEAF_BITS: u32 = 14;
const LEAF_ENTRIES: usize = 1 << LEAF_BITS;
const LEAF_BYTES: usize = LEAF_ENTRIES * size_of::<Entry>();
const ROOT_ENTRIES: usize = 1 << (ADDRESS_BITS - UNIT_BITS - LEAF_BITS);

type Entry = AtomicPtr<Span>;
type Leaf = [Entry; LEAF_ENTRIES];

/// The map.
pub struct PageMap {
    root: [AtomicPtr<Leaf>; ROOT_ENTRIES],
}

impl PageMap {
    /// An empty map.
    #[expect(clippy::large_stack_arrays, reason = "only ever a static, in .bss")]
    pub const fn new() -> Self {
        Self { root: [const { AtomicPtr::new(core::ptr::null_mut()) }; ROOT_ENTRIES] }
    }

    #[inline]
    fn leaf(&self, unit: usize) -> Option<&'static Leaf> {
        let leaf = self.root.get(unit >> LEAF_BITS)?.load(Ordering::Acquire);
        // SAFETY: a leaf that was published stays, and is only atomics.
        unsafe { leaf.as_ref() }
    }

    /// The span at `address`. `None` for any address that is not of a region or in the first unit of a mapping.
    #[inline]
    pub fn get(&self, address: usize) -> Option<&'static Span> {
        let unit = address >> UNIT_BITS;
        let entry = self.leaf(unit)?[unit % LEAF_ENTRIES].load(Ordering::Acquire);
        // SAFETY: spans are never unmapped (see `span`).
        unsafe { entry.as_ref() }
    }

    /// Makes the units of `start..start + len` belong to `span`. False, and nothing changed, when there is no memory for
    /// a leaf or an address is out of range.
    #[must_use]
    pub fn set(&self, source: &impl PageSource, start: usize, len: usize, span: &'static Span) -> bool {
        let units = start >> UNIT_BITS..(start + len).div_ceil(UNIT);
        let roots = units.start >> LEAF_BITS..=(units.end - 1) >> LEAF_BITS;
        if !roots.clone().all(|root| self.ensure_leaf(source, root)) {
            return false;
        }
        self.store(units, core::ptr::from_ref(span).cast_mut());
        true
    }

    /// Makes the units of `start..start + len` belong to nobody.
    pub fn clear(&self, start: usize, len: usize) {
        self.store(start >> UNIT_BITS..(start + len).div_ceil(UNIT), core::ptr::null_mut());
    }

    /// Makes the unit at `address` belong to nobody, if it belongs to `span`.
    pub fn clear_if(&self, address: usize, span: &'static Span) {
        let unit = address >> UNIT_BITS;
        if let Some(leaf) = self.leaf(unit) {
            let entry = &leaf[unit % LEAF_ENTRIES];
            let span = core::ptr::from_ref(span).cast_mut();
            // Where it has changed it is another's.
            let _ = entry.compare_exchange(span, core::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    fn store(&self, units: core::ops::Range<usize>, span: *mut Span) {
        for unit in units {
            if let Some(leaf) = self.leaf(unit) {
                leaf[unit % LEAF_ENTRIES].store(span, Ordering::Release);
            }
        }
    }

    fn ensure_leaf(&self, source: &impl PageSource, root: usize) -> bool {
        let Some(slot) = self.root.get(root) else { return false };
        if !slot.load(Ordering::Acquire).is_null() {
            return true;
        }
        let Some(address) = source.map(0, LEAF_BYTES) else { return false };
        let leaf = core::ptr::with_exposed_provenance_mut(address);
        if slot.compare_exchange(core::ptr::null_mut(), leaf, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: mapped above; another thread was first, and nobody has seen this one.
            unsafe { source.unmap(address, LEAF_BYTES) };
        }
        true
    }

    /// Gives the leaves back: only for tests, whose fake source counts.
    #[cfg(test)]
    pub fn dissolve(&self, source: &impl PageSource) {
        for slot in &self.root {
            let leaf = slot.swap(core::ptr::null_mut(), Ordering::Relaxed);
            if !leaf.is_null() {
                // SAFETY: the test is over, nobody uses the map.
                assert!(unsafe { source.unmap(leaf.addr(), LEAF_BYTES) });
            }
        }
    }
}

impl Default for PageMap {
    fn default() -> Self {
        Self::new()
    }
}
