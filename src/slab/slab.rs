//! Slabs: whole units of objects of one size class.
//!
//! ```text
//!     block     header 8 | object | object | ... | object | unused | header of the next block 8
//!                        ^ a unit                                                             ^ a unit
//!     record    start, class, arena, counts, links | bitmap: 1 = free                (in metadata memory)
//!     entry     63 record / 64 ... 20 | 19 unit 16 | 15 arena 11 | 10 bin 0          (in the page map, for each unit)
//! ```
//!
//! A mixed slab holds several classes: its bin is 0. See `mixed`.
//!
//! A slab is a block of its arena's heap like any other, cut so that its payload starts at a unit and its units end
//! with the next block's header. It holds no bookkeeping: the bitmap says what is free, out of a program's reach. The
//! arena's lock guards bits and counts. Start, class and arena do not change while the page map leads to the record.

#![allow(unsafe_code)]

use super::metadata::{CHUNK, Metadata, RECORD_ALIGN};
use super::vacant;
use crate::base::bits::Bits;
use crate::base::class::{BIN, SLAB_MAX, SLAB_UNITS_MAX, SizeClass};
use crate::base::config::{ARENAS_MAX, GRAIN, UNIT};
use crate::base::shared::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};
use crate::base::tree::NONE;
use crate::base::{align, arch, pointer};
pub use crate::heap::page_map::Entry;
use crate::heap::page_map::{PageMap, RECORD_SHIFT};
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::Relaxed;

/// The bits of an entry for the place: the arena, and the bin that an object goes to in its thread caches.
const PLACE_BITS: u32 = 16;
const ARENA_SHIFT: u32 = 11;

/// All distances of bins are below this. The bits above hold the arena's number.
pub const BINS_END: usize = 1 << ARENA_SHIFT;

const _: () =
    assert!(crate::base::class::SLAB_CLASSES * BIN <= BINS_END && ARENAS_MAX << ARENA_SHIFT <= 1 << PLACE_BITS);

/// An object in a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object {
    /// Its class.
    pub class: SizeClass,
    /// The object's index in the slab; in a mixed slab, its first grain.
    pub index: usize,
}

impl Entry {
    /// The arena and the bin. `place ^ home_place(arena)` is the distance of the bin if the entry is of
    /// that arena, and otherwise at least `BINS_END`. A word of zero gives the place of no bin.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits")]
    pub fn place(word: u64) -> usize {
        usize::from(word as u16)
    }

    /// The bytes from the slab's start to an address in this entry's unit.
    #[inline(always)]
    pub fn offset(word: u64, address: usize) -> u64 {
        arch::with_low(word, address) & ((1 << RECORD_SHIFT) - 1)
    }

    /// The slab's record.
    #[inline]
    pub fn slab(self) -> &'static Slab {
        // SAFETY: entries lead to records.
        unsafe { record((self.word() >> RECORD_SHIFT << RECORD_ALIGN.trailing_zeros()) as usize) }
    }

    /// The slab's class; `None` for a mixed slab.
    #[inline]
    pub fn class(self) -> Option<SizeClass> {
        match Self::place(self.word()) % BINS_END {
            0 => None,
            bin => Some(SizeClass::of_bin(bin)),
        }
    }

    /// The index of the slab's arena.
    #[inline]
    pub fn arena(self) -> usize {
        Self::place(self.word()) / BINS_END
    }

    /// Whether the object at `address` is with the program or in a thread cache, as far as the bitmap
    /// knows. Needs no lock.
    pub fn is_out(self, address: usize) -> bool {
        self.object_at(address).is_some_and(|object| self.has_out(object))
    }

    /// The same, for an object that `object_at` has found.
    pub fn has_out(self, object: Object) -> bool {
        self.class().is_none() || !self.slab().is_free(object.index)
    }

    /// The object that starts at `address`, in this entry's unit. In a mixed slab a free one does not count.
    #[inline]
    pub fn object_at(self, address: usize) -> Option<Object> {
        match self.class() {
            Some(class) => self.object_of(class, address).map(|index| Object { class, index }),
            None => self.mixed_object_at(address),
        }
    }

    #[cold]
    #[inline(never)]
    fn mixed_object_at(self, address: usize) -> Option<Object> {
        let offset = Self::offset(self.word(), address) as usize;
        let index = if offset.is_multiple_of(GRAIN) { offset / GRAIN } else { return None };
        self.slab().class_at(index).map(|class| Object { class, index })
    }

    /// The index of the object that starts at `address`, in a slab of this class.
    #[inline]
    pub fn object_of(self, class: SizeClass, address: usize) -> Option<usize> {
        class.object_at(Self::offset(self.word(), address) as usize)
    }
}

/// The number that a thread whose home is `arena` compares with `Entry::place`.
#[inline]
pub fn home_place(arena: usize) -> usize {
    arena << ARENA_SHIFT
}

/// The bits of a run's length: enough for the grains of the largest object.
const RUN_BITS: u32 = 12;

const _: () = assert!(SLAB_MAX / GRAIN < 1 << RUN_BITS && SLAB_UNITS_MAX * UNIT / GRAIN <= 1 << (u32::BITS - RUN_BITS));

/// A slab's record.
#[repr(C, align(64))]
pub struct Slab {
    pub(super) start: AtomicUsize,
    /// The index of the class; 0 for a mixed slab.
    pub(super) class: AtomicU8,
    pub(super) arena: AtomicU8,
    /// Whether an object has come back since the last purge.
    pub(super) changed: AtomicBool,
    pub(super) units: AtomicU8,
    /// How many objects are free; in a mixed slab, how many grains.
    pub(super) free: AtomicU16,
    /// Mixed slabs: the grains of the longest run that is offered. Others: 1 if the slab is on a huge
    /// page that was asked for, and nothing was given back since.
    pub(super) room: AtomicU16,
    /// Mixed slabs: the grains of the longest free run, or more.
    pub(super) longest: AtomicU16,
    /// Mixed slabs: how many grains have come back since a search was in vain.
    pub(super) returned: AtomicU16,
    /// Mixed slabs only: see the function `searched`.
    pub(super) searched: AtomicU32,
    /// Mixed slabs: the slab's earlier record. A thread that read the page map just before the change
    /// still reads that one. Other slabs: the last number of `next_random`.
    pub(super) origin: AtomicUsize,
    pub(super) left: AtomicUsize,
    pub(super) right: AtomicUsize,
    pub(super) parent: AtomicUsize,
    pub(super) summary: AtomicU64,
}

/// The offset of a slab's bitmap from its record.
pub(super) const BITMAP: usize = size_of::<Slab>();

const _: () = assert!(size_of::<Slab>() == 64 && align_of::<Slab>() == RECORD_ALIGN);

/// The record at an address. Records consist of atomics and are never unmapped.
///
/// # Safety
/// A record is there, in metadata memory or in other memory that is exposed and stays.
#[inline]
pub(super) unsafe fn record(address: usize) -> &'static Slab {
    debug_assert!(address != NONE);
    // SAFETY: the caller's promise.
    unsafe { pointer::to_ref(address) }
}

/// The same, with `None` for `NONE`.
///
/// # Safety
/// As for `record`.
pub(super) unsafe fn linked(address: usize) -> Option<&'static Slab> {
    // SAFETY: the caller's promise.
    unsafe { pointer::at::<Slab>(address).as_ref() }
}

/// Records are compared by address: no two slabs share one.
impl PartialEq for Slab {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

pub(super) fn words(class: SizeClass) -> usize {
    class.objects().div_ceil(64)
}

const _: () = assert!(PLACE_BITS == UNIT.trailing_zeros() && PLACE_BITS == u16::BITS);

/// From this many neighbours on, it pays to take them back a bitmap word at a time.
pub(super) const RUN: usize = 8;

impl Slab {
    /// Zeroed memory for a new record and so many bytes of bitmaps after it; `None` if there is none.
    pub(super) fn alloc(memory: &Metadata, source: &impl PageSource, bitmaps: usize) -> Option<&'static Self> {
        let address = memory.alloc(source, size_of::<Self>() + bitmaps)?;
        // SAFETY: zeroes are a valid record, and no other code has the memory.
        Some(unsafe { record(address) })
    }

    /// The same, for a slab of a class.
    pub(super) fn alloc_for(memory: &Metadata, source: &impl PageSource, class: SizeClass) -> Option<&'static Self> {
        Self::alloc(memory, source, 8 * words(class))
    }

    /// The first record of the metadata chunk that this one is in. In a chunk of mixed slabs' records
    /// this head uses only the link and the count, which counts the records in use.
    pub(super) fn chunk(&self) -> &'static Self {
        // SAFETY: a chunk is mapped as a whole and starts with a record.
        unsafe { record(align::down(self.address(), CHUNK)) }
    }

    /// The record's address.
    pub fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// The bitmap of free objects; of free grains in a mixed slab.
    pub(super) fn bits(&self) -> Bits<'static> {
        self.bits_behind(0, self.class().map_or_else(|| self.bytes() / GRAIN / 64, words))
    }

    /// `words` words of the bitmaps, after `others` other words.
    #[inline(always)]
    pub(super) fn bits_behind(&self, others: usize, words: usize) -> Bits<'static> {
        let first = pointer::at(self.address() + size_of::<Self>() + 8 * others);
        // SAFETY: the bitmaps stand after the record, which was made for its class.
        Bits(unsafe { core::slice::from_raw_parts(first, words) })
    }

    /// The bitmap word with the bit of the object `index`, which must be in the slab.
    #[inline]
    pub(super) fn bits_of(&self, index: usize) -> &'static AtomicU64 {
        debug_assert!(self.class().is_some_and(|class| index < class.objects()));
        let word = pointer::at(self.address() + size_of::<Self>() + index / 64 * 8);
        // SAFETY: as in `bits_behind`.
        unsafe { &*word }
    }

    /// Makes this the record of a slab at `start` whose objects are all free.
    pub fn begin(&self, start: usize, class: SizeClass, arena: usize) {
        self.begin_head(start, Some(class), class.slab_bytes() / UNIT, arena);
        self.set_free(class.objects());
        self.set_settled(false);
        let bits = self.bits();
        bits.fill(0..64 * bits.0.len(), false);
        bits.fill(0..class.objects(), true);
    }

    /// Says in the last word of each object that no caller has it.
    pub fn vacate(&self, class: SizeClass) {
        // SAFETY: these are the last words of the slab's objects.
        (1..=class.objects()).for_each(|index| unsafe { vacant::set(self.start() + index * class.size() - 8) });
    }

    /// Sets all of the record except what counts objects.
    pub(super) fn begin_head(&self, start: usize, class: Option<SizeClass>, units: usize, arena: usize) {
        debug_assert!(start.is_multiple_of(UNIT) && arena < ARENAS_MAX);
        #[expect(clippy::cast_possible_truncation, reason = "all are below 64")]
        {
            self.class.store(class.map_or(0, SizeClass::index) as u8, Relaxed);
            self.arena.store(arena as u8, Relaxed);
            self.units.store(units as u8, Relaxed);
        }
        self.changed.store(false, Relaxed);
        self.start.store(start, Relaxed);
    }

    /// The page map's entry for unit `index` of the slab.
    pub fn entry(&'static self, index: usize) -> Entry {
        let place = home_place(self.arena()) | self.class().map_or(0, SizeClass::bin);
        let record = (pointer::expose(self) / RECORD_ALIGN) as u64;
        // SAFETY: this is a record.
        unsafe { Entry::new(record << RECORD_SHIFT | (index as u64) << PLACE_BITS | place as u64) }
    }

    /// The slab's first address.
    pub fn start(&self) -> usize {
        self.start.load(Relaxed)
    }

    /// The index of the slab's arena.
    pub fn arena(&self) -> usize {
        usize::from(self.arena.load(Relaxed))
    }

    /// The size class; `None` for a mixed slab.
    #[inline]
    pub fn class(&self) -> Option<SizeClass> {
        match self.class.load(Relaxed) {
            0 => None,
            index => Some(SizeClass::of_index(usize::from(index))),
        }
    }

    /// The slab's bytes: whole units.
    pub fn bytes(&self) -> usize {
        usize::from(self.units.load(Relaxed)) * UNIT
    }

    /// How many objects are free; in a mixed slab, how many grains.
    #[inline]
    pub fn free(&self) -> usize {
        usize::from(self.free.load(Relaxed))
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 2^16")]
    pub(super) fn set_free(&self, count: usize) {
        self.free.store(count as u16, Relaxed);
    }

    /// In a mixed slab: the grains of the longest run that it offers.
    pub fn room(&self) -> usize {
        usize::from(self.room.load(Relaxed))
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 2^16: the last grain is never free")]
    pub(super) fn set_room(&self, grains: usize) {
        self.room.store(grains as u16, Relaxed);
    }

    /// In a mixed slab: the grains of the longest free run, or more, and the grains that came back
    /// since a search was in vain.
    pub(super) fn longest(&self) -> (usize, usize) {
        (usize::from(self.longest.load(Relaxed)), usize::from(self.returned.load(Relaxed)))
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 2^16, as above")]
    pub(super) fn set_longest(&self, grains: usize, returned: usize) {
        self.longest.store(grains as u16, Relaxed);
        self.returned.store(returned.min(u16::MAX.into()) as u16, Relaxed);
    }

    /// In a mixed slab: a grain and a length. Before this grain no free run has so many grains.
    pub(super) fn searched(&self) -> (usize, usize) {
        let word = self.searched.load(Relaxed) as usize;
        (word >> RUN_BITS, word & ((1 << RUN_BITS) - 1))
    }

    #[expect(clippy::cast_possible_truncation, reason = "a grain and a run fit")]
    pub(super) fn set_searched(&self, grain: usize, run: usize) {
        self.searched.store((grain << RUN_BITS | run) as u32, Relaxed);
    }

    /// Whether no object of the slab is handed out.
    pub fn is_empty(&self) -> bool {
        self.class().map_or_else(|| self.is_mixed_empty(), |class| self.free() == class.objects())
    }

    /// Raises the limit in the page map, if needed, above the object at `last`, which has been handed out.
    /// `free` compares with this limit. In a slab of one class it is above all objects that are handed out.
    #[inline]
    pub fn raise_limit(&self, map: &PageMap, class: SizeClass, last: usize) {
        let limit = class.limit_at(last - self.start());
        if limit > map.limit(self.start()) {
            self.set_limit(map, limit);
        }
    }

    /// Lowers the limit to just above the last object that is handed out. No object behind it may come
    /// back, as their memory is to be given back.
    pub fn lower_limit(&self, map: &PageMap) {
        self.set_limit(map, self.least_limit());
    }

    /// The lowest limit above all objects that are handed out; 0 if there are none, and for mixed
    /// slabs, which have none.
    pub(super) fn least_limit(&self) -> u64 {
        let class = self.class().filter(|class| class.has_slabs());
        let last = class.and_then(|class| Some((class, self.bits().last(class.objects(), false)?)));
        last.map_or(0, |(class, index)| class.limit_at(index * class.size()))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn set_limit(&self, map: &PageMap, limit: u64) {
        (self.start()..self.start() + self.bytes()).step_by(UNIT).for_each(|unit| map.set_limit(unit, limit));
    }

    /// Whether the slab stands on a huge page that was asked for.
    pub(super) fn is_settled(&self) -> bool {
        self.room() != 0
    }

    /// Sets what `is_settled` returns. Not for mixed slabs.
    pub(super) fn set_settled(&self, settled: bool) {
        self.set_room(usize::from(settled));
    }

    /// Whether an object has come back since the last purge.
    pub(super) fn is_changed(&self) -> bool {
        self.changed.load(Relaxed)
    }

    /// Notes that an object came back.
    pub fn set_changed(&self) {
        self.changed.store(true, Relaxed);
    }

    /// Whether the object `index` is free. The bitmap does not count an object in a thread cache as free.
    pub fn is_free(&self, index: usize) -> bool {
        self.bits_of(index).load(Relaxed) & 1 << (index % 64) != 0
    }

    /// Whether an object has come back since the last call.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// The slab's record from before it became a mixed slab.
    pub fn origin(&self) -> Option<&'static Self> {
        let origin = if self.class().is_none() { self.origin.load(Relaxed) } else { NONE };
        // SAFETY: in a record without a class only `set_origin` stores to this field.
        unsafe { linked(origin) }
    }

    /// Sets the slab's earlier record. This record must have no class.
    pub(super) fn set_origin(&self, origin: &'static Self) {
        self.origin.store(origin.address(), Relaxed);
    }

    /// The next record in a list of unused records.
    pub fn next_spare(&self) -> Option<&'static Self> {
        // SAFETY: only lists and trees store to this field, and they store links to records.
        unsafe { linked(self.left.load(Relaxed)) }
    }

    /// Sets the next record in a list of unused records.
    pub fn set_next_spare(&self, next: Option<&'static Self>) {
        self.left.store(next.map_or(NONE, Self::address), Relaxed);
    }
}
