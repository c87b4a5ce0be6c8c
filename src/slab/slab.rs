//! Slabs: whole units of objects of one size class.
//!
//!     block     header 8 | object | object | ... | object | unused | header of the next block 8
//!                        ^ a unit                                                             ^ a unit
//!     record    start, class, arena, counts, links | bitmap: 1 = free                (in metadata memory)
//!     entry     63 record / 64 ... 20 | 19 unit 16 | 15 arena 11 | 10 bin 0          (in the page map, for each unit)
//!
//! A slab is a block of its arena's heap like any other, cut so that its payload starts at a unit and its units end with the
//! next block's header. Nothing of ours is in it: what is free the bitmap says, and that is out of a program's reach.
//! Bits and counts are guarded by the arena's lock; start, class and arena do not change while the page map leads here.

#![allow(unsafe_code)]

use super::metadata::RECORD_ALIGN;
use crate::base::class::{BIN, SizeClass};
use crate::base::config::{ARENAS_MAX, CHECKED, UNIT};
use crate::base::tree::{NONE, Nodes, Summary};
use crate::heap::page_map::RECORD_SHIFT;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The bits of an entry that say which bin of a home's thread caches an object goes to.
const PLACE_BITS: u32 = 16;
const ARENA_SHIFT: u32 = 11;

/// Distances of bins are below this; an arena's number stands above.
pub const BINS_END: usize = 1 << ARENA_SHIFT;

const _: () =
    assert!(crate::base::class::SLAB_CLASSES * BIN <= BINS_END && ARENAS_MAX << ARENA_SHIFT <= 1 << PLACE_BITS);

/// What the page map says of a unit in a slab: not zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry(u64);

impl Entry {
    /// The entry of a unit, if a slab stands there.
    #[inline(always)]
    pub fn new(word: u64) -> Option<Self> {
        (word != 0).then_some(Self(word))
    }

    /// The arena and the bin: `place ^ home_place(arena)` is the distance of the bin if the arena is that one, and else not below
    /// `BINS_END`. For a word of zero it is no bin's.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits")]
    pub fn place(word: u64) -> usize {
        usize::from(word as u16)
    }

    /// The bytes from the slab's start to an address in the unit of this entry.
    #[inline(always)]
    pub fn offset(word: u64, address: usize) -> u64 {
        word & (((1 << (RECORD_SHIFT - PLACE_BITS)) - 1) << PLACE_BITS) | (address % UNIT) as u64
    }

    /// The slab's record.
    #[inline]
    pub fn slab(self) -> &'static Slab {
        slab((self.0 >> RECORD_SHIFT << RECORD_ALIGN.trailing_zeros()) as usize)
    }

    /// The slab's class.
    #[inline]
    pub fn class(self) -> SizeClass {
        SizeClass::of_bin(Self::place(self.0) % BINS_END)
    }

    /// The index of the arena it belongs to.
    #[inline]
    pub fn arena(self) -> usize {
        Self::place(self.0) / BINS_END
    }

    /// Whether the object at `address` is with the program or in a thread's cache, as far as the bitmap knows; needs no lock.
    pub fn is_out(self, address: usize) -> bool {
        self.object_at(address).is_some_and(|index| !self.slab().is_free(index))
    }

    /// The object that starts at `address`, in the unit of this entry.
    #[inline]
    pub fn object_at(self, address: usize) -> Option<usize> {
        self.object_of(self.class(), address)
    }

    /// The same where the class is known.
    #[inline]
    pub fn object_of(self, class: SizeClass, address: usize) -> Option<usize> {
        class.object_at(Self::offset(self.0, address) as usize)
    }
}

/// What a thread whose home is `arena` compares `Entry::place` with.
#[inline]
pub fn home_place(arena: usize) -> usize {
    arena << ARENA_SHIFT
}

/// The record.
#[repr(C, align(64))]
pub struct Slab {
    start: AtomicUsize,
    class: AtomicU8,
    arena: AtomicU8,
    /// Whether an object came back since the last purge.
    changed: AtomicBool,
    /// Objects that are free.
    free: AtomicU32,
    /// No word of the bitmap before this one has a bit.
    hint: AtomicU32,
    left: AtomicUsize,
    right: AtomicUsize,
    parent: AtomicUsize,
    summary: AtomicU64,
}

const _: () = assert!(size_of::<Slab>() == 64 && align_of::<Slab>() == RECORD_ALIGN);

/// The record at an address, which must be one: records are never unmapped.
#[inline]
pub fn slab(address: usize) -> &'static Slab {
    debug_assert!(address != NONE);
    // SAFETY: callers have the address from an entry or a link, which lead to records; these are exposed and all atomics.
    unsafe { &*core::ptr::with_exposed_provenance(address) }
}

/// Bytes of a record for a class, its bitmap included.
pub fn record_bytes(class: SizeClass) -> usize {
    size_of::<Slab>() + 8 * words(class)
}

fn words(class: SizeClass) -> usize {
    class.objects().div_ceil(64)
}

impl Slab {
    /// The record's address.
    pub fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// The bitmap.
    fn bits(&self) -> &'static [AtomicU64] {
        let first = core::ptr::with_exposed_provenance(self.address() + size_of::<Self>());
        // SAFETY: the bitmap stands behind the record, which was made for its class.
        unsafe { core::slice::from_raw_parts(first, words(self.class())) }
    }

    /// The word of the bitmap that has the bit of the object `index`, which is in the slab.
    #[inline]
    fn bits_of(&self, index: usize) -> &'static AtomicU64 {
        debug_assert!(index < self.class().objects());
        let word = core::ptr::with_exposed_provenance(self.address() + size_of::<Self>() + index / 64 * 8);
        // SAFETY: as in `bits`.
        unsafe { &*word }
    }

    /// Makes the record that of a slab at `start`, all of whose objects are free.
    pub fn begin(&self, start: usize, class: SizeClass, arena: usize) {
        debug_assert!(start.is_multiple_of(UNIT) && arena < ARENAS_MAX);
        #[expect(clippy::cast_possible_truncation, reason = "both are below 64")]
        {
            self.class.store(class.index() as u8, Relaxed);
            self.arena.store(arena as u8, Relaxed);
        }
        self.changed.store(false, Relaxed);
        self.start.store(start, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "below 2^16")]
        self.free.store(class.objects() as u32, Relaxed);
        self.hint.store(0, Relaxed);
        for (index, word) in self.bits().iter().enumerate() {
            let rest = class.objects() - 64 * index;
            word.store(if rest >= 64 { u64::MAX } else { (1 << rest) - 1 }, Relaxed);
        }
    }

    /// The page map's entry for the unit `index` of the slab.
    pub fn entry(&self, index: usize) -> u64 {
        let place = home_place(usize::from(self.arena.load(Relaxed))) | self.class().bin();
        let record = (core::ptr::from_ref(self).expose_provenance() / RECORD_ALIGN) as u64;
        record << RECORD_SHIFT | (index as u64) << PLACE_BITS | place as u64
    }

    /// First address.
    pub fn start(&self) -> usize {
        self.start.load(Relaxed)
    }

    /// The size class.
    #[inline]
    pub fn class(&self) -> SizeClass {
        SizeClass::of_index(usize::from(self.class.load(Relaxed)))
    }

    /// How many of its objects are free.
    #[inline]
    pub fn free(&self) -> usize {
        self.free.load(Relaxed) as usize
    }

    /// Whether none of its objects is out.
    pub fn is_empty(&self) -> bool {
        self.free() == self.class().objects()
    }

    /// The object `index`.
    pub fn object(&self, index: usize) -> usize {
        self.start() + index * self.class().size()
    }

    /// Takes up to `count` free objects, lowest first; how many there were.
    pub fn take(&self, count: usize, mut put: impl FnMut(usize)) -> usize {
        let wanted = count.min(self.free());
        let (start, size) = (self.start(), self.class().size());
        let mut left = wanted;
        let mut index = self.hint.load(Relaxed) as usize;
        for word in &self.bits()[index..] {
            let mut bits = word.load(Relaxed);
            while bits != 0 && left != 0 {
                put(start + (index * 64 + bits.trailing_zeros() as usize) * size);
                bits &= bits - 1;
                left -= 1;
            }
            word.store(bits, Relaxed);
            if left == 0 {
                break;
            }
            index += 1;
        }
        debug_assert!(left == 0);
        #[expect(clippy::cast_possible_truncation, reason = "below 2^16")]
        {
            self.hint.store(index as u32, Relaxed);
            self.free.store(self.free.load(Relaxed) - wanted as u32, Relaxed);
        }
        wanted
    }

    /// Takes the object `index` back; how many are free now. `None` if it is free already.
    #[inline]
    pub fn give(&self, index: usize) -> Option<usize> {
        let word = self.bits_of(index);
        let (bits, bit) = (word.load(Relaxed), 1 << (index % 64));
        if CHECKED && bits & bit != 0 {
            return None;
        }
        word.store(bits | bit, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "below 2^16")]
        let at = (index / 64) as u32;
        if at < self.hint.load(Relaxed) {
            self.hint.store(at, Relaxed);
        }
        let free = self.free.load(Relaxed) + 1;
        self.free.store(free, Relaxed);
        self.changed.store(true, Relaxed);
        Some(free as usize)
    }

    /// Whether the object `index` is free, as far as the bitmap knows: it may be in a thread's cache.
    pub fn is_free(&self, index: usize) -> bool {
        self.bits_of(index).load(Relaxed) & 1 << (index % 64) != 0
    }

    /// Whether an object came back since this was asked last.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// Calls `f` with the first address and the end of each run of free objects.
    pub fn for_each_free_run(&self, mut f: impl FnMut(usize, usize)) {
        let mut index = 0;
        while index < self.class().objects() {
            let first = index;
            while index < self.class().objects() && self.is_free(index) {
                index += 1;
            }
            if index > first {
                f(self.object(first), self.object(index));
            }
            index += 1;
        }
    }

    /// Whether counts and hint agree with the bitmap, for the validators.
    pub fn counts_agree(&self) -> bool {
        let free: u32 = self.bits().iter().map(|word| word.load(Relaxed).count_ones()).sum();
        let first = self.bits().iter().position(|word| word.load(Relaxed) != 0);
        let past_end = match self.class().objects() % 64 {
            0 => 0,
            rest => self.bits().last().map_or(0, |word| word.load(Relaxed) >> rest),
        };
        free as usize == self.free()
            && past_end == 0
            && first.is_none_or(|first| self.hint.load(Relaxed) as usize <= first)
    }

    /// The next record in a list of unused ones.
    pub fn next_spare(&self) -> usize {
        self.left.load(Relaxed)
    }

    /// Sets the next record in a list of unused ones.
    pub fn set_next_spare(&self, next: usize) {
        self.left.store(next, Relaxed);
    }
}

/// The tree of a bin's slabs with room: by address, all of one size.
pub struct Slabs;

impl Nodes for Slabs {
    fn size(&self, _node: usize) -> u32 {
        1
    }

    fn left(&self, node: usize) -> usize {
        slab(node).left.load(Relaxed)
    }

    fn right(&self, node: usize) -> usize {
        slab(node).right.load(Relaxed)
    }

    fn parent(&self, node: usize) -> usize {
        slab(node).parent.load(Relaxed)
    }

    fn summary(&self, node: usize) -> Summary {
        let word = slab(node).summary.load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "as stored below")]
        Summary { largest: word as u32, height: (word >> 32) as u8 }
    }

    fn set_left(&self, node: usize, child: usize) {
        slab(node).left.store(child, Relaxed);
    }

    fn set_right(&self, node: usize, child: usize) {
        slab(node).right.store(child, Relaxed);
    }

    fn set_parent(&self, node: usize, parent: usize) {
        slab(node).parent.store(parent, Relaxed);
    }

    fn set_summary(&self, node: usize, summary: Summary) {
        slab(node).summary.store(u64::from(summary.largest) | u64::from(summary.height) << 32, Relaxed);
    }
}
