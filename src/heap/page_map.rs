//! The page map: whose a 64 KiB unit of address space is.
//!
//! ```text
//!     address  | 46 ... 31 | 30 ... 16 | 15 ... 0 |
//!                root index  leaf index   in the unit
//! ```
//!
//! Two levels: a root in .bss, one entry for each 2 GiB, and leaves of 2^15 units, 768 KiB of address space of which only
//! touched pages cost, mapped when first needed and kept. A leaf has three words for a unit: the range's record it belongs to, a region
//! or a mapping, and, where a slab stands in the region, the slab entry and the slab's limit, which are all that `free` of a small object has to read.
//! Few processes need a second leaf: a thread cache keeps the address of one at hand, its view. Every pointer that comes
//! in is looked up here before anything behind it is read. Reading is two loads, writing is atomic stores: no lock.

#![allow(unsafe_code)]

use super::range_record::RangeRecord;
use crate::base::config::{ADDRESS_BITS, UNIT};
use crate::base::shared::{AtomicPtr, AtomicU64, Unshared};
use crate::base::{align, arch, pointer};
use crate::sys::pages::PageSource;
use core::num::NonZeroU64;
use core::sync::atomic::Ordering;

const UNIT_BITS: u32 = UNIT.trailing_zeros();
/// Small under Miri, which looks at all of what a reference leads to whenever one is made, and gives low addresses alone.
const LEAF_BITS: u32 = if cfg!(miri) { 8 } else { 15 };
const LEAF_ENTRIES: usize = 1 << LEAF_BITS;
const LEAF_BYTES: usize = align::up(size_of::<Leaf>(), UNIT);
const ROOT_ENTRIES: usize = 1 << (if cfg!(miri) { 33 } else { ADDRESS_BITS } - UNIT_BITS - LEAF_BITS);

/// Above this bit a slab entry is the same in all units of a slab, and in no other's.
pub const RECORD_SHIFT: u32 = 20;

/// What the map says of a unit in a slab: see `slab::slab`. Each leads to a slab's record: who makes one promises that, and
/// who looks one up gets what was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry(NonZeroU64);

impl Entry {
    /// The entry that a word is.
    ///
    /// # Safety
    /// The bits from `RECORD_SHIFT` on are those of the address of a slab's record, which stays.
    pub unsafe fn new(word: u64) -> Self {
        // SAFETY: no record's address is zero.
        Self(unsafe { NonZeroU64::new_unchecked(word) })
    }

    /// The entry that stands in a leaf, if one does.
    #[inline(always)]
    fn from_word(word: u64) -> Option<Self> {
        NonZeroU64::new(word).map(Self)
    }

    /// Its word.
    #[inline(always)]
    pub fn word(self) -> u64 {
        self.0.get()
    }
}

#[repr(C)]
struct Leaf {
    view: LeafView,
    slabs: [AtomicU64; LEAF_ENTRIES],
    records: [AtomicPtr<RangeRecord>; LEAF_ENTRIES],
    limits: [AtomicU64; LEAF_ENTRIES],
}

/// Where a view has the limits.
const LIMITS: usize = core::mem::offset_of!(Leaf, limits);
/// And where the records of ranges.
const RECORDS: usize = core::mem::offset_of!(Leaf, records);

/// What a thread cache keeps of a leaf: one word leads to all of it, so it is always of one piece. The slab entries of the units
/// follow. Nothing writes to it once it can be seen.
#[repr(C)]
pub struct LeafView {
    /// How many units there are; 0 in the view of who has none.
    pub units: Unshared<usize>,
    /// The first address.
    pub start: Unshared<usize>,
}

impl LeafView {
    /// The slab entry of a unit.
    ///
    /// # Safety
    /// `unit` is below `units`.
    #[inline(always)]
    pub unsafe fn entry(&self, unit: usize) -> u64 {
        let entries = (&raw const *self).wrapping_add(1);
        let entries: *const AtomicU64 = pointer::at(entries.addr());
        // SAFETY: the entries of a leaf's units stand behind its view, and leaves are exposed and stay.
        unsafe { (*entries.add(unit)).load(Ordering::Acquire) }
    }
}

/// A unit in a view.
#[derive(Clone, Copy)]
pub struct Unit {
    view: &'static LeafView,
    unit: usize,
    word: u64,
}

impl Unit {
    /// The unit of a view's leaf that an address is in, if it is in one.
    #[inline(always)]
    pub fn in_leaf(view: &'static LeafView, address: usize) -> Option<Self> {
        let unit = address.wrapping_sub(view.start.get()) / UNIT;
        if unit >= view.units.get() {
            return None;
        }
        // SAFETY: compared just now.
        Some(Self { view, unit, word: unsafe { view.entry(unit) } })
    }

    /// The word of its slab entry: zero if there is none.
    #[inline(always)]
    pub fn word(self) -> u64 {
        self.word
    }

    /// Its slab entry.
    #[inline(always)]
    pub fn slab_entry(self) -> Option<Entry> {
        Entry::from_word(self.word)
    }

    /// What it belongs to.
    #[inline(always)]
    pub fn record(self) -> Option<&'static RangeRecord> {
        let records: *const AtomicPtr<RangeRecord> = pointer::at(core::ptr::from_ref(self.view).addr() + RECORDS);
        // SAFETY: the records of ranges of a leaf stand behind its view, and leaves are exposed; records of ranges are never unmapped (see `record`).
        unsafe { (*records.add(self.unit)).load(Ordering::Acquire).as_ref() }
    }

    /// Whether a number is below the unit's limit.
    #[inline(always)]
    pub fn is_below_limit(self, number: u64) -> bool {
        let leaf = pointer::at::<Leaf>(core::ptr::from_ref(self.view).addr());
        // SAFETY: a leaf begins with its view, and has a limit for each of its units; leaves are exposed.
        unsafe { arch::is_below_u64_at::<LIMITS, _>(number, leaf, self.unit) }
    }
}

/// Looks units up one after the other, most of which are in the same leaf.
pub struct Units {
    map: &'static PageMap,
    view: Option<&'static LeafView>,
}

impl Units {
    /// As `PageMap::slab_entry`.
    #[inline(always)]
    pub fn slab_entry(&mut self, address: usize) -> Option<Entry> {
        if let Some(unit) = self.view.and_then(|view| Unit::in_leaf(view, address)) {
            return unit.slab_entry();
        }
        self.view = self.map.leaf_view(address);
        Unit::in_leaf(self.view?, address)?.slab_entry()
    }
}

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
    fn leaf(&self, address: usize) -> Option<&'static Leaf> {
        let leaf = self.root.get(address >> (UNIT_BITS + LEAF_BITS))?.load(Ordering::Acquire);
        // SAFETY: a leaf that was published stays, and is only atomics.
        unsafe { leaf.as_ref() }
    }

    /// The slab entry of the unit at `address`, if a slab stands there.
    #[inline]
    pub fn slab_entry(&self, address: usize) -> Option<Entry> {
        Entry::from_word(self.leaf(address)?.slabs[index(address)].load(Ordering::Acquire))
    }

    /// For one look-up after the other.
    pub fn units(&'static self) -> Units {
        Units { map: self, view: None }
    }

    /// The view around an address, if there is a leaf.
    pub fn leaf_view(&self, address: usize) -> Option<&'static LeafView> {
        self.leaf(address).map(|leaf| &leaf.view)
    }

    /// The unit at `address`, if there is a leaf.
    #[inline]
    pub fn unit(&self, address: usize) -> Option<Unit> {
        let (leaf, unit) = (self.leaf(address)?, index(address));
        Some(Unit { view: &leaf.view, unit, word: leaf.slabs[unit].load(Ordering::Acquire) })
    }

    /// The limit of the unit at `address`, which a slab stands in.
    pub fn limit(&self, address: usize) -> u64 {
        self.leaf(address).map_or(0, |leaf| leaf.limits[index(address)].load(Ordering::Relaxed))
    }

    /// Sets it.
    pub fn set_limit(&self, address: usize, limit: u64) {
        if let Some(leaf) = self.leaf(address) {
            leaf.limits[index(address)].store(limit, Ordering::Relaxed);
        }
    }

    /// The range's record at `address`. `None` for any address that is not of a region or in the first unit of a mapping.
    #[inline]
    pub fn get(&self, address: usize) -> Option<&'static RangeRecord> {
        let record = self.leaf(address)?.records[index(address)].load(Ordering::Acquire);
        // SAFETY: records of ranges are never unmapped (see `record`).
        unsafe { record.as_ref() }
    }

    /// Makes the units of `start..start + len` belong to `record`. False, and nothing changed, when there is no memory for
    /// a leaf or an address is out of range.
    #[must_use]
    pub fn set(&self, source: &impl PageSource, start: usize, len: usize, record: &'static RangeRecord) -> bool {
        let roots = start >> (UNIT_BITS + LEAF_BITS)..=(start + len - 1) >> (UNIT_BITS + LEAF_BITS);
        if !roots.clone().all(|root| self.ensure_leaf(source, root)) {
            return false;
        }
        self.store(start, len, core::ptr::from_ref(record).cast_mut());
        true
    }

    /// Makes the units of `start..start + len` belong to nobody.
    pub fn clear(&self, start: usize, len: usize) {
        self.store(start, len, core::ptr::null_mut());
    }

    /// Makes the unit at `address` belong to nobody, if it belongs to `record`.
    pub fn clear_if(&self, address: usize, record: &'static RangeRecord) {
        if let Some(leaf) = self.leaf(address) {
            let record = core::ptr::from_ref(record).cast_mut();
            let entry = &leaf.records[index(address)];
            // Where it has changed it is another's.
            let _ = entry.compare_exchange(record, core::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Stores a slab's entry for the unit at `address`, which belongs to a region; `None` takes it away. Its limit is zero
    /// then.
    pub fn set_slab_entry(&self, address: usize, entry: Option<Entry>) {
        if let Some(leaf) = self.leaf(address) {
            leaf.limits[index(address)].store(0, Ordering::Relaxed);
            leaf.slabs[index(address)].store(entry.map_or(0, Entry::word), Ordering::Release);
        }
    }

    fn store(&self, start: usize, len: usize, record: *mut RangeRecord) {
        for unit in (start..start + len).step_by(UNIT) {
            if let Some(leaf) = self.leaf(unit) {
                leaf.records[index(unit)].store(record, Ordering::Release);
            }
        }
    }

    fn ensure_leaf(&self, source: &impl PageSource, root: usize) -> bool {
        let Some(slot) = self.root.get(root) else { return false };
        if !slot.load(Ordering::Acquire).is_null() {
            return true;
        }
        let Some(address) = source.map_guarded(LEAF_BYTES, source.page_size()) else { return false };
        self.install(source, root, address);
        true
    }

    /// Makes new memory the leaf of `root`, or gives it back where there is one by now.
    fn install(&self, source: &impl PageSource, root: usize, address: usize) {
        let Some(slot) = self.root.get(root) else { return };
        let leaf = pointer::at_mut::<Leaf>(address);
        // SAFETY: mapped above, and nobody has seen it.
        let Leaf { view, .. } = unsafe { &*leaf };
        view.units.set(LEAF_ENTRIES);
        view.start.set(root << (UNIT_BITS + LEAF_BITS));
        if slot.compare_exchange(core::ptr::null_mut(), leaf, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: mapped above; another thread was first, and nobody has seen this one.
            unsafe { source.unmap_guarded(address, LEAF_BYTES) };
        }
    }

    /// Memory for a leaf, for `set_with`, where there is no way back if that could not be had.
    pub fn spare(source: &impl PageSource) -> Option<usize> {
        source.map_guarded(LEAF_BYTES, source.page_size())
    }

    /// Gives a spare back.
    pub fn drop_spare(source: &impl PageSource, spare: usize) {
        // SAFETY: mapped by `spare`, and nobody has seen it.
        unsafe { source.unmap_guarded(spare, LEAF_BYTES) };
    }

    /// Makes the unit at `start` belong to `record`, with a spare for the leaf.
    pub fn set_with(&self, source: &impl PageSource, spare: usize, start: usize, record: &'static RangeRecord) {
        self.install(source, start >> (UNIT_BITS + LEAF_BITS), spare);
        self.store(start, UNIT, core::ptr::from_ref(record).cast_mut());
    }

    /// Gives the leaves of a range back: only for tests, whose fake source counts.
    #[cfg(test)]
    pub fn dissolve(&self, source: &impl PageSource, range: core::ops::Range<usize>) {
        for slot in &self.root[range.start >> (UNIT_BITS + LEAF_BITS)..=range.end >> (UNIT_BITS + LEAF_BITS)] {
            let leaf = slot.swap(core::ptr::null_mut(), Ordering::Relaxed);
            if !leaf.is_null() {
                // SAFETY: the test is over, nobody uses the map.
                assert!(unsafe { source.unmap_guarded(leaf.addr(), LEAF_BYTES) });
            }
        }
    }
}

/// Where a leaf has the unit at `address`.
#[inline]
fn index(address: usize) -> usize {
    (address >> UNIT_BITS) % LEAF_ENTRIES
}

impl Default for PageMap {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::heap::range_record::{Kind, RecordPool};
    use crate::sys::fake::Fake;
    use std::rc::Rc;

    static MAP: PageMap = PageMap::new();
    static RECORDS: RecordPool = RecordPool::new();

    /// The first address of a leaf.
    const START: usize = 1 << (UNIT_BITS + LEAF_BITS);

    fn publish(source: &Fake, record: &'static RangeRecord, address: usize) {
        record.start.store(address, Ordering::Relaxed);
        record.set_kind(Kind::Region);
        assert!(MAP.set(source, address, UNIT, record));
    }

    /// Whether the map has the range's record at `address`. What is there is whole.
    fn sees(address: usize) -> bool {
        if let Some(view) = MAP.leaf_view(address) {
            assert_eq!((view.units.get(), view.start.get()), (LEAF_ENTRIES, START));
        }
        let Some(record) = MAP.get(address) else { return false };
        assert_eq!((record.kind(), record.start()), (Kind::Region, address));
        true
    }

    #[test]
    fn a_reader_sees_nothing_or_all_of_it_while_two_threads_install_the_leaf() {
        model(2, || {
            let source = Rc::new(Fake::new(2 * LEAF_BYTES + UNIT));
            let [first, second] = [(); 2].map(|()| RECORDS.take(&*source).unwrap());
            let before = source.mapped();
            let other = source.clone();
            let writer = loom::thread::spawn(move || publish(&other, first, START));
            let reader = loom::thread::spawn(|| sees(START));
            publish(&source, second, START + UNIT);
            writer.join().unwrap();
            reader.join().unwrap();
            assert!(sees(START) && sees(START + UNIT));
            assert_eq!(source.mapped() - before, LEAF_BYTES, "the leaf of who came second was not given back");
        });
    }
}
