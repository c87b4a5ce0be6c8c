//! The page map: whose a 64 KiB unit of address space is.
//!
//!     address  | 47 ... 34 | 33 ... 16 | 15 ... 0 |
//!                root index  leaf index   in the unit
//!
//! Two levels: a root in .bss, one entry for each 16 GiB, and leaves of 2^18 units, 4 MiB of address space of which only touched pages
//! cost, mapped when first needed and kept. Few processes need a second leaf: a thread cache keeps the address of one at hand. A leaf has two words for a unit: the span it belongs
//! to, a region or a mapping, and, where a slab stands in the region, the slab entry, which is all that `free` of a
//! small object has to read. Every pointer that comes in is looked up here before anything behind it is read. Reading is
//! two loads, writing is atomic stores: no lock.
//!
//! A root entry is the *distance* from the leaf in which nobody owns anything, which is part of the map: an entry of zero
//! leads there, and reading needs no test for a leaf that is missing.

#![allow(unsafe_code)]

use super::span::Span;
use crate::base::config::{ADDRESS_BITS, UNIT};
use crate::sys::pages::PageSource;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

const UNIT_BITS: u32 = UNIT.trailing_zeros();
const LEAF_BITS: u32 = 18;
/// Units of a leaf.
pub const LEAF_ENTRIES: usize = 1 << LEAF_BITS;
const LEAF_BYTES: usize = size_of::<Leaf>();
const ROOT_ENTRIES: usize = 1 << (ADDRESS_BITS - UNIT_BITS - LEAF_BITS);

#[repr(C)]
struct Leaf {
    slabs: [AtomicU64; LEAF_ENTRIES],
    spans: [AtomicPtr<Span>; LEAF_ENTRIES],
}

/// The map.
#[repr(C)]
pub struct PageMap {
    root: [AtomicUsize; ROOT_ENTRIES],
    nobodys: Leaf,
}

impl PageMap {
    /// An empty map.
    #[expect(clippy::large_stack_arrays, reason = "only ever a static, in .bss")]
    pub const fn new() -> Self {
        Self {
            root: [const { AtomicUsize::new(0) }; ROOT_ENTRIES],
            nobodys: Leaf {
                slabs: [const { AtomicU64::new(0) }; LEAF_ENTRIES],
                spans: [const { AtomicPtr::new(core::ptr::null_mut()) }; LEAF_ENTRIES],
            },
        }
    }

    /// The leaf for a root index in range.
    #[inline(always)]
    fn leaf_at(&self, root: usize) -> &Leaf {
        let distance = self.root[root].load(Ordering::Acquire);
        let leaf = (&raw const self.nobodys).map_addr(|nobodys| nobodys.wrapping_add(distance));
        let leaf: *const Leaf = if cfg!(miri) { core::ptr::with_exposed_provenance(leaf.addr()) } else { leaf };
        // SAFETY: the distance leads to a leaf that was published, stays, and is only atomics; or it is zero.
        unsafe { &*leaf }
    }

    /// The slab entry of the unit at `address`: zero unless a slab stands there. See `slab::slab`.
    #[inline(always)]
    pub fn slab_entry(&self, address: usize) -> u64 {
        let root = address >> (UNIT_BITS + LEAF_BITS);
        if root >= ROOT_ENTRIES {
            return 0;
        }
        self.leaf_at(root).slabs[(address >> UNIT_BITS) % LEAF_ENTRIES].load(Ordering::Acquire)
    }

    /// The first address of the leaf's range that `address` is in, and the slab entries of its units. For an address in range.
    pub fn leaf_around(&self, address: usize) -> (usize, &[AtomicU64; LEAF_ENTRIES]) {
        let root = address >> (UNIT_BITS + LEAF_BITS);
        (root << (UNIT_BITS + LEAF_BITS), &self.leaf_at(root).slabs)
    }

    /// The span at `address`. `None` for any address that is not of a region or in the first unit of a mapping.
    #[inline]
    pub fn get(&self, address: usize) -> Option<&'static Span> {
        let root = address >> (UNIT_BITS + LEAF_BITS);
        if root >= ROOT_ENTRIES {
            return None;
        }
        let span = self.leaf_at(root).spans[(address >> UNIT_BITS) % LEAF_ENTRIES].load(Ordering::Acquire);
        // SAFETY: spans are never unmapped (see `span`).
        unsafe { span.as_ref() }
    }

    /// Makes the units of `start..start + len` belong to `span`. False, and nothing changed, when there is no memory for
    /// a leaf or an address is out of range.
    #[must_use]
    pub fn set(&self, source: &impl PageSource, start: usize, len: usize, span: &'static Span) -> bool {
        let roots = start >> (UNIT_BITS + LEAF_BITS)..=(start + len - 1) >> (UNIT_BITS + LEAF_BITS);
        if !roots.clone().all(|root| self.ensure_leaf(source, root)) {
            return false;
        }
        self.store(start, len, core::ptr::from_ref(span).cast_mut());
        true
    }

    /// Makes the units of `start..start + len` belong to nobody.
    pub fn clear(&self, start: usize, len: usize) {
        self.store(start, len, core::ptr::null_mut());
    }

    /// Makes the unit at `address` belong to nobody, if it belongs to `span`.
    pub fn clear_if(&self, address: usize, span: &'static Span) {
        let span = core::ptr::from_ref(span).cast_mut();
        let entry = &self.leaf_at(address >> (UNIT_BITS + LEAF_BITS)).spans[(address >> UNIT_BITS) % LEAF_ENTRIES];
        // Where it has changed it is another's.
        let _ = entry.compare_exchange(span, core::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Stores a slab's entry for the unit at `address`, which belongs to a region; zero takes it away.
    pub fn set_slab_entry(&self, address: usize, entry: u64) {
        let leaf = self.leaf_at(address >> (UNIT_BITS + LEAF_BITS));
        leaf.slabs[(address >> UNIT_BITS) % LEAF_ENTRIES].store(entry, Ordering::Release);
    }

    /// The leaves of `start..start + len` are there.
    fn store(&self, start: usize, len: usize, span: *mut Span) {
        for unit in start >> UNIT_BITS..(start + len).div_ceil(UNIT) {
            self.leaf_at(unit >> LEAF_BITS).spans[unit % LEAF_ENTRIES].store(span, Ordering::Release);
        }
    }

    fn ensure_leaf(&self, source: &impl PageSource, root: usize) -> bool {
        let Some(slot) = self.root.get(root) else { return false };
        if slot.load(Ordering::Acquire) != 0 {
            return true;
        }
        let Some(address) = source.map(0, LEAF_BYTES) else { return false };
        let distance = address.wrapping_sub((&raw const self.nobodys).addr());
        if slot.compare_exchange(0, distance, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: mapped above; another thread was first, and nobody has seen this one.
            unsafe { source.unmap(address, LEAF_BYTES) };
        }
        true
    }

    /// Gives the leaves back: only for tests, whose fake source counts.
    #[cfg(test)]
    pub fn dissolve(&self, source: &impl PageSource) {
        for slot in &self.root {
            let distance = slot.swap(0, Ordering::Relaxed);
            if distance != 0 {
                let leaf = (&raw const self.nobodys).addr().wrapping_add(distance);
                // SAFETY: the test is over, nobody uses the map.
                assert!(unsafe { source.unmap(leaf, LEAF_BYTES) });
            }
        }
    }
}

impl Default for PageMap {
    fn default() -> Self {
        Self::new()
    }
}
