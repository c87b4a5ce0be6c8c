//! The page map: what a 64 KiB unit of address space belongs to.
//!
//! ```text
//!     address  | 46 ... 31 | 30 ... 16 | 15 ... 0 |
//!                root index  leaf index   in the unit
//! ```
//!
//! It has two levels: a root in .bss, with one entry for each 2 GiB, and leaves of 2^15 units. A leaf is mapped when it
//! is first needed, and kept. Of its address space, a little over 768 KiB, only touched pages cost memory. It has three
//! words for a unit: the range record of the region or mapping that the unit belongs to and, if a slab stands there,
//! the slab entry and the limit of the slab. `free` of a small object reads no more than the last two. Few processes
//! need a second leaf, so a thread cache keeps the address of one at hand, its near leaf. Every pointer from the
//! program is looked up here before anything behind it is read. A look-up is two loads, a change is atomic stores, and
//! there is no lock.

#![allow(unsafe_code)]

use super::range_record::RangeRecord;
use crate::base::config::{ADDRESS_BITS, UNIT};
use crate::base::shared::{AtomicPtr, AtomicU64, Unshared};
use crate::base::{align, arch, pointer};
use crate::sys::pages::PageSource;
use core::num::NonZeroU64;
use core::sync::atomic::Ordering;

const UNIT_BITS: u32 = UNIT.trailing_zeros();
/// Small under Miri, which looks at all memory behind a reference whenever one is made, and gives only low addresses.
const LEAF_BITS: u32 = if cfg!(miri) { 8 } else { 15 };
pub(super) const LEAF_ENTRIES: usize = 1 << LEAF_BITS;
pub(super) const LEAF_BYTES: usize = align::up(size_of::<Leaf>(), UNIT);
pub(super) const ROOT_ENTRIES: usize = 1 << (if cfg!(miri) { 33 } else { ADDRESS_BITS } - UNIT_BITS - LEAF_BITS);

/// From this bit on, the entries of all units of a slab are equal, and differ from those of other slabs.
pub const RECORD_SHIFT: u32 = 20;

/// What the map says of a unit in a slab, see `slab::slab`. An entry leads to the slab's record: the code that makes
/// one promises that, and a look-up returns what was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry(NonZeroU64);

impl Entry {
    /// The entry with this word.
    ///
    /// # Safety
    /// The bits from `RECORD_SHIFT` on are those of the address of a slab's record, and the record stays.
    pub unsafe fn new(word: u64) -> Self {
        // SAFETY: the address of a record is not zero.
        Self(unsafe { NonZeroU64::new_unchecked(word) })
    }

    /// The entry in a word of a leaf, if there is one.
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
pub(super) struct Leaf {
    view: LeafView,
    pub(super) slabs: [AtomicU64; LEAF_ENTRIES],
    records: [AtomicPtr<RangeRecord>; LEAF_ENTRIES],
    limits: [AtomicU64; LEAF_ENTRIES],
}

/// The offset of the limits from the view.
const LIMITS: usize = core::mem::offset_of!(Leaf, limits);
/// The offset of the range records from the view.
const RECORDS: usize = core::mem::offset_of!(Leaf, records);

/// The head of a leaf. A thread cache keeps the address of one: a single word, so all that it leads to belongs
/// together. The slab entries of the units follow the head. It never changes once other threads can see it.
#[repr(C)]
pub struct LeafView {
    /// The number of units. It is 0 in the view that stands for no leaf.
    pub units: Unshared<usize>,
    /// The first address of the leaf.
    pub start: Unshared<usize>,
}

impl LeafView {
    /// The word of a unit's slab entry.
    ///
    /// # Safety
    /// `unit` is below `units`.
    #[inline(always)]
    pub unsafe fn entry(&self, unit: usize) -> u64 {
        let entries = (&raw const *self).wrapping_add(1);
        let entries: *const AtomicU64 = pointer::at(entries.addr());
        // SAFETY: the slab entries of a leaf stand behind its view. Leaves are exposed and stay.
        unsafe { (*entries.add(unit)).load(Ordering::Acquire) }
    }
}

/// Where a unit is in a leaf.
#[derive(Clone, Copy)]
pub struct UnitPlace {
    view: &'static LeafView,
    unit: usize,
}

impl UnitPlace {
    /// The unit as the map shows it now.
    #[inline(always)]
    pub fn unit(self) -> Unit {
        let Self { view, unit } = self;
        // SAFETY: the place is that of a unit, which is below `units`.
        Unit { view, unit, word: unsafe { view.entry(unit) } }
    }
}

/// A unit in a leaf.
#[derive(Clone, Copy)]
pub struct Unit {
    view: &'static LeafView,
    unit: usize,
    word: u64,
}

impl Unit {
    /// The unit at an address, if the view's leaf has it.
    #[inline(always)]
    pub fn in_leaf(view: &'static LeafView, address: usize) -> Option<Self> {
        let unit = address.wrapping_sub(view.start.get()) / UNIT;
        if unit >= view.units.get() {
            return None;
        }
        // SAFETY: it is below `units`, as just compared.
        Some(Self { view, unit, word: unsafe { view.entry(unit) } })
    }

    /// Its place. A function takes that in two registers.
    #[inline(always)]
    pub fn place(self) -> UnitPlace {
        UnitPlace { view: self.view, unit: self.unit }
    }

    /// The word of its slab entry, zero if there is none.
    #[inline(always)]
    pub fn word(self) -> u64 {
        self.word
    }

    /// Its slab entry, if there is one.
    #[inline(always)]
    pub fn slab_entry(self) -> Option<Entry> {
        Entry::from_word(self.word)
    }

    /// The range record of what it belongs to.
    #[inline(always)]
    pub fn record(self) -> Option<&'static RangeRecord> {
        let records: *const AtomicPtr<RangeRecord> = pointer::at(core::ptr::from_ref(self.view).addr() + RECORDS);
        // SAFETY: the range records of a leaf stand behind its view, and leaves are exposed. Range records are never
        // unmapped (see `range_record`).
        unsafe { (*records.add(self.unit)).load(Ordering::Acquire).as_ref() }
    }

    /// Whether a number is below the unit's limit.
    #[inline(always)]
    pub fn is_below_limit(self, number: u64) -> bool {
        let leaf = pointer::at::<Leaf>(core::ptr::from_ref(self.view).addr());
        // SAFETY: a leaf begins with its view, and has a limit for each of its units. Leaves are exposed.
        unsafe { arch::is_below_u64_at::<LIMITS, _>(number, leaf, self.unit) }
    }
}

/// Looks up one unit after the other, most of which are in the same leaf.
pub struct Units {
    map: &'static PageMap,
    view: Option<&'static LeafView>,
}

impl Units {
    /// The same as `PageMap::slab_entry`.
    #[inline(always)]
    pub fn slab_entry(&mut self, address: usize) -> Option<Entry> {
        if let Some(unit) = self.view.and_then(|view| Unit::in_leaf(view, address)) {
            return unit.slab_entry();
        }
        self.view = self.map.leaf_view(address);
        Unit::in_leaf(self.view?, address)?.slab_entry()
    }
}

/// The page map.
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
        // SAFETY: a published leaf stays. Its words are atomics, or do not change any more.
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

    /// The view of the leaf around an address, if there is one.
    pub fn leaf_view(&self, address: usize) -> Option<&'static LeafView> {
        self.leaf(address).map(|leaf| &leaf.view)
    }

    /// The unit at `address`, if there is a leaf.
    #[inline]
    pub fn unit(&self, address: usize) -> Option<Unit> {
        let (leaf, unit) = (self.leaf(address)?, index(address));
        Some(Unit { view: &leaf.view, unit, word: leaf.slabs[unit].load(Ordering::Acquire) })
    }

    /// The limit of the unit at `address`, in which a slab stands.
    pub fn limit(&self, address: usize) -> u64 {
        self.leaf(address).map_or(0, |leaf| leaf.limits[index(address)].load(Ordering::Relaxed))
    }

    /// Sets the limit of the unit at `address`.
    pub fn set_limit(&self, address: usize, limit: u64) {
        if let Some(leaf) = self.leaf(address) {
            leaf.limits[index(address)].store(limit, Ordering::Relaxed);
        }
    }

    /// The range record at `address`. `None` if the address is neither in a region nor in the first unit of a mapping.
    #[inline]
    pub fn get(&self, address: usize) -> Option<&'static RangeRecord> {
        let record = self.leaf(address)?.records[index(address)].load(Ordering::Acquire);
        // SAFETY: range records are never unmapped (see `range_record`).
        unsafe { record.as_ref() }
    }

    /// Makes the units of `start..start + len` belong to `record`. Returns false, and changes no unit, if there is no
    /// memory for a leaf or an address is out of range.
    #[must_use]
    pub fn set(&self, source: &impl PageSource, start: usize, len: usize, record: &'static RangeRecord) -> bool {
        let roots = start >> (UNIT_BITS + LEAF_BITS)..=(start + len - 1) >> (UNIT_BITS + LEAF_BITS);
        if !roots.clone().all(|root| self.ensure_leaf(source, root)) {
            return false;
        }
        self.store(start, len, core::ptr::from_ref(record).cast_mut());
        true
    }

    /// Makes the units of `start..start + len` belong to nothing.
    pub fn clear(&self, start: usize, len: usize) {
        self.store(start, len, core::ptr::null_mut());
    }

    /// Makes the unit at `address` belong to nothing, if it belongs to `record`.
    pub fn clear_if(&self, address: usize, record: &'static RangeRecord) {
        if let Some(leaf) = self.leaf(address) {
            let record = core::ptr::from_ref(record).cast_mut();
            let entry = &leaf.records[index(address)];
            // If it has changed, it is another range's.
            let _ = entry.compare_exchange(record, core::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Stores the slab entry of the unit at `address`, which belongs to a region, or takes it away if it is `None`. The
    /// limit becomes zero.
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

    /// Makes new memory the leaf of `root`, or gives it back if another thread has installed one.
    fn install(&self, source: &impl PageSource, root: usize, address: usize) {
        let Some(slot) = self.root.get(root) else { return };
        let leaf = pointer::at_mut::<Leaf>(address);
        // SAFETY: the caller mapped it, and no other thread has seen it.
        let Leaf { view, .. } = unsafe { &*leaf };
        view.units.set(LEAF_ENTRIES);
        view.start.set(root << (UNIT_BITS + LEAF_BITS));
        if slot.compare_exchange(core::ptr::null_mut(), leaf, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: the caller mapped it. Another thread was first, so no other thread has seen this one.
            unsafe { source.unmap_guarded(address, LEAF_BYTES) };
        }
    }

    /// Memory for a leaf, for a later `set_with` that must not fail.
    pub fn spare(source: &impl PageSource) -> Option<usize> {
        source.map_guarded(LEAF_BYTES, source.page_size())
    }

    /// Gives a spare leaf back.
    pub fn drop_spare(source: &impl PageSource, spare: usize) {
        // SAFETY: `spare` mapped it, and no other thread has seen it.
        unsafe { source.unmap_guarded(spare, LEAF_BYTES) };
    }

    /// Makes the unit at `start` belong to `record`. The spare becomes its leaf if there is none.
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
                // SAFETY: the test is over, and the map is not in use.
                assert!(unsafe { source.unmap_guarded(leaf.addr(), LEAF_BYTES) });
            }
        }
    }
}

/// The index in its leaf of the unit at `address`.
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

    /// Whether the map has a range record at `address`. Asserts that what it has is whole.
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
