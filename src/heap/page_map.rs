//! The page map: whose a 64 KiB unit of address space is.
//!
//! ```text
//!     address  | 46 ... 31 | 30 ... 16 | 15 ... 0 |
//!                root index  leaf index   in the unit
//! ```
//!
//! Two levels: a root in .bss, one entry for each 2 GiB, and leaves of 2^15 units, 768 KiB of address space of which only
//! touched pages cost, mapped when first needed and kept. A leaf has three words for a unit: the span it belongs to, a region
//! or a mapping, and, where a slab stands in the region, the slab entry and the slab's limit, which are all that `free` of a small object has to read.
//! Few processes need a second leaf: a thread cache keeps the address of one at hand, its window. Every pointer that comes
//! in is looked up here before anything behind it is read. Reading is two loads, writing is atomic stores: no lock.

#![allow(unsafe_code)]

use super::span::Span;
use crate::base::align;
use crate::base::config::{ADDRESS_BITS, UNIT};
use crate::base::shared::{AtomicPtr, AtomicU64, Unshared};
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
    fn found(word: u64) -> Option<Self> {
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
    window: Window,
    slabs: [AtomicU64; LEAF_ENTRIES],
    spans: [AtomicPtr<Span>; LEAF_ENTRIES],
    limits: [AtomicU64; LEAF_ENTRIES],
}

/// Where a window has the limits.
const LIMITS: usize = core::mem::offset_of!(Leaf, limits);
/// And where the spans.
const SPANS: usize = core::mem::offset_of!(Leaf, spans);

/// What a thread cache keeps of a leaf: one word leads to all of it, so it is always of one piece. The slab entries of the units
/// follow. Nothing writes to it once it can be seen.
#[repr(C)]
pub struct Window {
    /// How many units there are; 0 in the window of who has none.
    pub units: Unshared<usize>,
    /// The first address.
    pub start: Unshared<usize>,
}

impl Window {
    /// The slab entry of a unit.
    ///
    /// # Safety
    /// `unit` is below `units`.
    #[inline(always)]
    pub unsafe fn entry(&self, unit: usize) -> u64 {
        let entries = (&raw const *self).wrapping_add(1);
        let entries: *const AtomicU64 = core::ptr::with_exposed_provenance(entries.addr());
        // SAFETY: the entries of a leaf's units stand behind its window, and leaves are exposed and stay.
        unsafe { (*entries.add(unit)).load(Ordering::Acquire) }
    }
}

/// A unit in a window.
#[derive(Clone, Copy)]
pub struct Shown {
    window: &'static Window,
    unit: usize,
    word: u64,
}

impl Shown {
    /// The unit of a window's leaf that an address is in, if it is in one.
    #[inline(always)]
    pub fn new(window: &'static Window, address: usize) -> Option<Self> {
        let unit = address.wrapping_sub(window.start.get()) / UNIT;
        if unit >= window.units.get() {
            return None;
        }
        // SAFETY: compared just now.
        Some(Self { window, unit, word: unsafe { window.entry(unit) } })
    }

    /// The word of its slab entry: zero if there is none.
    #[inline(always)]
    pub fn word(self) -> u64 {
        self.word
    }

    /// Its slab entry.
    #[inline(always)]
    pub fn slab_entry(self) -> Option<Entry> {
        Entry::found(self.word)
    }

    /// What it belongs to.
    #[inline(always)]
    pub fn span(self) -> Option<&'static Span> {
        let spans: *const AtomicPtr<Span> =
            core::ptr::with_exposed_provenance(core::ptr::from_ref(self.window).addr() + SPANS);
        // SAFETY: the spans of a leaf stand behind its window, and leaves are exposed; spans are never unmapped (see `span`).
        unsafe { (*spans.add(self.unit)).load(Ordering::Acquire).as_ref() }
    }

    /// Whether a number is below the unit's limit. In assembly, as the compiler does not compare with an atomic in place.
    #[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan, feature = "models"))))]
    #[inline(always)]
    pub fn is_below_limit(self, number: u64) -> bool {
        // SAFETY: reads a word of the leaf, which a window that shows a unit is the start of.
        unsafe {
            core::arch::asm!(
                "cmp {number}, qword ptr [{window} + 8 * {unit} + {limits}]",
                "jae {no}",
                number = in(reg) number,
                window = in(reg) self.window,
                unit = in(reg) self.unit,
                limits = const LIMITS,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// The same elsewhere.
    #[cfg(not(all(target_arch = "x86_64", not(any(test, miri, tsan, feature = "models")))))]
    #[inline(always)]
    pub fn is_below_limit(self, number: u64) -> bool {
        let limits: *const AtomicU64 =
            core::ptr::with_exposed_provenance(core::ptr::from_ref(self.window).addr() + LIMITS);
        // SAFETY: as above; leaves are exposed.
        number < unsafe { (*limits.add(self.unit)).load(Ordering::Relaxed) }
    }
}

/// Looks units up one after the other, most of which are in the same leaf.
pub struct Units {
    map: &'static PageMap,
    window: Option<&'static Window>,
}

impl Units {
    /// As `PageMap::slab_entry`.
    #[inline(always)]
    pub fn slab_entry(&mut self, address: usize) -> Option<Entry> {
        if let Some(unit) = self.window.and_then(|window| Shown::new(window, address)) {
            return unit.slab_entry();
        }
        self.window = self.map.window(address);
        Shown::new(self.window?, address)?.slab_entry()
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
        Entry::found(self.leaf(address)?.slabs[index(address)].load(Ordering::Acquire))
    }

    /// For one look-up after the other.
    pub fn units(&'static self) -> Units {
        Units { map: self, window: None }
    }

    /// The window around an address, if there is a leaf.
    pub fn window(&self, address: usize) -> Option<&'static Window> {
        self.leaf(address).map(|leaf| &leaf.window)
    }

    /// The unit at `address`, if there is a leaf.
    #[inline]
    pub fn show(&self, address: usize) -> Option<Shown> {
        let (leaf, unit) = (self.leaf(address)?, index(address));
        Some(Shown { window: &leaf.window, unit, word: leaf.slabs[unit].load(Ordering::Acquire) })
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

    /// The span at `address`. `None` for any address that is not of a region or in the first unit of a mapping.
    #[inline]
    pub fn get(&self, address: usize) -> Option<&'static Span> {
        let span = self.leaf(address)?.spans[index(address)].load(Ordering::Acquire);
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
        if let Some(leaf) = self.leaf(address) {
            let span = core::ptr::from_ref(span).cast_mut();
            let entry = &leaf.spans[index(address)];
            // Where it has changed it is another's.
            let _ = entry.compare_exchange(span, core::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
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

    fn store(&self, start: usize, len: usize, span: *mut Span) {
        for unit in (start..start + len).step_by(UNIT) {
            if let Some(leaf) = self.leaf(unit) {
                leaf.spans[index(unit)].store(span, Ordering::Release);
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
        let leaf = core::ptr::with_exposed_provenance_mut::<Leaf>(address);
        // SAFETY: mapped above, and nobody has seen it.
        let Leaf { window, .. } = unsafe { &*leaf };
        window.units.set(LEAF_ENTRIES);
        window.start.set(root << (UNIT_BITS + LEAF_BITS));
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

    /// Makes the unit at `start` belong to `span`, with a spare for the leaf.
    pub fn set_with(&self, source: &impl PageSource, spare: usize, start: usize, span: &'static Span) {
        self.install(source, start >> (UNIT_BITS + LEAF_BITS), spare);
        self.store(start, UNIT, core::ptr::from_ref(span).cast_mut());
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
    use crate::heap::span::{Kind, SpanPool};
    use crate::sys::fake::Fake;
    use std::rc::Rc;

    static MAP: PageMap = PageMap::new();
    static SPANS: SpanPool = SpanPool::new();

    /// The first address of a leaf.
    const START: usize = 1 << (UNIT_BITS + LEAF_BITS);

    fn publish(source: &Fake, span: &'static Span, address: usize) {
        span.start.store(address, Ordering::Relaxed);
        span.set_kind(Kind::Region);
        assert!(MAP.set(source, address, UNIT, span));
    }

    /// Whether the map has the span at `address`. What is there is whole.
    fn sees(address: usize) -> bool {
        if let Some(window) = MAP.window(address) {
            assert_eq!((window.units.get(), window.start.get()), (LEAF_ENTRIES, START));
        }
        let Some(span) = MAP.get(address) else { return false };
        assert_eq!((span.kind(), span.start()), (Kind::Region, address));
        true
    }

    #[test]
    fn a_reader_sees_nothing_or_all_of_it_while_two_threads_install_the_leaf() {
        model(2, || {
            let source = Rc::new(Fake::new(2 * LEAF_BYTES + UNIT));
            let [first, second] = [(); 2].map(|()| SPANS.take(&*source).unwrap());
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
