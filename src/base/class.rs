//! Size classes: the sizes that small and medium requests are rounded up to.
//!
//! ```text
//!     16 32 ... 128 | 144 ... 256 | 288 ... 8 KiB | 10 KiB ... 32 KiB | 40 KiB ... 256 KiB
//!       steps of 16          8 per doubling            4 per doubling ...
//!                                                         slabs end      heap blocks
//! ```
//!
//! Slabs hold the objects of the classes up to `SLAB_MAX`. From there to `CLASS_MAX` a class is a
//! rounded size of heap blocks, so that a thread cache can hold them. Class 0 is no class.

use super::config::{GRAIN, HEADER, UNIT};
use core::ops::Range;

/// The largest size that slabs serve.
pub const SLAB_MAX: usize = 32 << 10;

/// The largest size with a class.
pub const CLASS_MAX: usize = 256 << 10;

/// The most units of a slab: an object's offset in its slab fits 20 bits.
pub const SLAB_UNITS_MAX: usize = 16;

/// The number of classes, class 0 included.
pub const CLASSES: usize = SLAB_CLASSES + 3 * STEPS_ABOVE;

/// The number of classes that have slabs, class 0 included.
pub const SLAB_CLASSES: usize = 1 + 8 + 6 * STEPS + 2 * STEPS_ABOVE;

/// Classes per doubling from 128 bytes on, and from `FINE_MAX` on.
const STEPS: usize = 8;
const STEPS_ABOVE: usize = 4;
const FINE_MAX: usize = 8 << 10;

/// A size class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SizeClass(u8);

/// What a class is like.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Shape {
    /// Bytes of an object.
    pub size: u32,
    /// The units of a slab.
    pub units: u16,
    /// The objects of a slab.
    pub objects: u16,
    /// The integer next above 2^64 / size: multiplying by it replaces a division.
    magic: u64,
}

const fn next_size(size: usize) -> usize {
    let steps = if size < FINE_MAX { STEPS } else { STEPS_ABOVE };
    size + if size < 128 { 16 } else { (1 << size.ilog2()) / steps }
}

/// The objects that fit into so many units. The last eight bytes of a slab's units are the header of the next block.
const fn objects(size: usize, units: usize) -> usize {
    (units * UNIT - HEADER) / size
}

/// The fewest units that have room for eight objects and leave no more than a thirty-first unused.
const fn units(size: usize) -> usize {
    let mut units = 1;
    while objects(size, units) < 8 || units * UNIT - objects(size, units) * size > units * UNIT / 31 {
        units += 1;
    }
    assert!(units <= SLAB_UNITS_MAX);
    units
}

#[expect(clippy::cast_possible_truncation, reason = "asserted")]
const fn shapes() -> [Shape; CLASSES] {
    let mut shapes = [const { Shape { size: 0, units: 0, objects: 0, magic: 0 } }; CLASSES];
    let (mut class, mut size) = (1, GRAIN);
    while class < CLASSES {
        let units = if size <= SLAB_MAX { units(size) } else { 0 };
        let objects = if units == 0 { 0 } else { objects(size, units) };
        assert!(objects < 1 << 16 && size < 1 << 32);
        let magic = ((1 << 64) / size as u128) as u64 + 1;
        shapes[class] = Shape { size: size as u32, units: units as u16, objects: objects as u16, magic };
        assert!((size <= SLAB_MAX) == (class < SLAB_CLASSES));
        (class, size) = (class + 1, next_size(size));
    }
    assert!(shapes[SLAB_CLASSES - 1].size as usize == SLAB_MAX && shapes[CLASSES - 1].size as usize == CLASS_MAX);
    shapes
}

/// The classes by index.
pub static SHAPES: [Shape; CLASSES] = shapes();

/// The bytes of an object of the class `index`, from 1. For tables made at compile time.
pub const fn size_of_index(index: usize) -> usize {
    shapes()[index].size as usize
}

/// Words from one bin of a thread cache to the next. The fast paths identify a class by the distance of
/// its bin in words.
pub const BIN: usize = 4;

/// The number of sizes, in grains, in the fast path's table.
pub const GRAINS: usize = SLAB_MAX / GRAIN;

/// All classes above `SLAB_MAX` are multiples of this.
pub const STEP: usize = SLAB_MAX / STEPS_ABOVE;

/// A heap block whose usable bytes are those of a class or hardly more counts as one of that class.
pub const SLACK: usize = 64;

/// The number of multiples of `STEP` above `SLAB_MAX`, up to `CLASS_MAX`. They follow the grains in the fast path's
/// table.
pub const BLOCK_STEPS: usize = (CLASS_MAX - SLAB_MAX) / STEP;

/// The length of the fast path's table.
pub const PLACES: usize = GRAINS + BLOCK_STEPS;

#[expect(clippy::cast_possible_truncation, reason = "asserted")]
const fn bins() -> [u16; PLACES] {
    let shapes = shapes();
    let mut table = [0; PLACES];
    let (mut grain, mut class) = (0, 1);
    while grain < GRAINS {
        if (grain + 1) * GRAIN > shapes[class].size as usize {
            class += 1;
        }
        assert!(class * BIN < 1 << 16);
        table[grain] = (class * BIN) as u16;
        grain += 1;
    }
    let mut place = GRAINS;
    while place < PLACES {
        if SLAB_MAX + (place - GRAINS + 1) * STEP > shapes[class].size as usize {
            class += 1;
            assert!((shapes[class].size as usize).is_multiple_of(STEP));
        }
        table[place] = (class * BIN) as u16;
        place += 1;
    }
    table
}

/// The distance of the bin that serves a size of `(index + 1) * 16` bytes. From `GRAINS` on, that of the bin that
/// serves `index + 1 - GRAINS` steps above `SLAB_MAX`.
pub static BINS: [u16; PLACES] = bins();

/// The index into `BINS` for a request of `n` bytes. It is at least `GRAINS` if `n` is 0 or above `SLAB_MAX`.
#[inline(always)]
pub fn grain(n: usize) -> usize {
    n.wrapping_sub(1) / GRAIN
}

/// The place in `BINS` for a request of `n` bytes behind the grains. It is at least `BLOCK_STEPS` unless `n` is above
/// `SLAB_MAX` and has a class.
#[inline(always)]
pub fn block_step(n: usize) -> usize {
    n.wrapping_sub(SLAB_MAX + 1) / STEP
}

/// The size to request for `n` bytes at an alignment, a power of two. The class that serves this size
/// has a size that is a multiple of the alignment. 0 if `n` is 0 or the sum overflows.
#[inline(always)]
pub fn aligned_size(n: usize, align: usize) -> usize {
    n.wrapping_add(align - 1) & align.wrapping_neg()
}

impl SizeClass {
    /// The class that serves `n` bytes; `None` above `CLASS_MAX`.
    pub fn for_size(n: usize) -> Option<Self> {
        if n <= SLAB_MAX {
            return Some(Self::of_bin(usize::from(BINS[n.saturating_sub(1) / GRAIN])));
        }
        // The class after the largest class that is too small.
        (n <= CLASS_MAX).then(|| Self::of_index(Self::index_within(n - 1) + 1))
    }

    /// The class that serves `n` bytes in slabs at an alignment, a power of two. Its size is a multiple
    /// of the alignment, and slabs start at a unit.
    pub fn for_aligned(n: usize, align: usize) -> Option<Self> {
        let size = aligned_size(n.max(1), align);
        (1..=SLAB_MAX).contains(&size).then(|| Self::of_bin(usize::from(BINS[grain(size)])))
    }

    /// The largest class of at most `n` bytes among those from `SLAB_MAX` on; `None` if `n` is smaller.
    pub fn within(n: usize) -> Option<Self> {
        (n >= SLAB_MAX).then(|| Self::of_index(Self::index_within(n.min(CLASS_MAX))))
    }

    /// The same, as an index.
    fn index_within(n: usize) -> usize {
        let doubling = n.ilog2();
        let step = (n >> (doubling - STEPS_ABOVE.ilog2())) % STEPS_ABOVE;
        SLAB_CLASSES - 1 + STEPS_ABOVE * (doubling - SLAB_MAX.ilog2()) as usize + step
    }

    /// The class whose bin is at this distance.
    #[inline]
    pub fn of_bin(distance: usize) -> Self {
        Self::of_index(distance / BIN)
    }

    /// The class with this index, from 1.
    #[inline]
    pub fn of_index(index: usize) -> Self {
        debug_assert!((1..CLASSES).contains(&index));
        #[expect(clippy::cast_possible_truncation, reason = "below CLASSES")]
        Self(index as u8)
    }

    /// All classes, smallest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..CLASSES).map(Self::of_index)
    }

    /// All classes that have slabs, smallest first.
    pub fn slabs() -> impl Iterator<Item = Self> {
        (1..SLAB_CLASSES).map(Self::of_index)
    }

    /// The index, from 1.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The distance of its bin from the bin of class 0.
    #[inline]
    pub fn bin(self) -> usize {
        self.index() * BIN
    }

    fn shape(self) -> &'static Shape {
        &SHAPES[self.index()]
    }

    /// The bytes of an object.
    #[inline]
    pub fn size(self) -> usize {
        self.shape().size as usize
    }

    /// Whether slabs hold its objects.
    #[inline]
    pub fn has_slabs(self) -> bool {
        self.index() < SLAB_CLASSES
    }

    /// The indices into `BINS` of the sizes that the class serves.
    pub fn places(self) -> Range<usize> {
        let end = |index: usize| match SHAPES[index].size as usize {
            size @ ..=SLAB_MAX => size / GRAIN,
            size => GRAINS + (size - SLAB_MAX) / STEP,
        };
        end(self.index() - 1)..end(self.index())
    }

    /// The bytes of a slab: whole units.
    pub fn slab_bytes(self) -> usize {
        usize::from(self.shape().units) * UNIT
    }

    /// The objects of a slab.
    pub fn objects(self) -> usize {
        usize::from(self.shape().objects)
    }

    /// The integer next above 2^64 / size. Let `index` be `offset / size`, and let `rest` be
    /// `size * magic - 2^64`, which is from 1 to `size`. For offsets below 2^32, `offset * magic`
    /// modulo 2^64 is `(index * rest) + (offset % size) * magic`. This is below `limit_at` of a slab's
    /// last object exactly if an object starts at the offset (after Lemire, Kaser, Kurz, "Faster
    /// remainder by direct computation", Software: Practice and Experience 49(6), 2019).
    #[inline]
    pub fn magic(self) -> u64 {
        self.shape().magic
    }

    /// The limit whose last object below it is the one that starts `offset` bytes into a slab. See `magic`.
    pub fn limit_at(self, offset: usize) -> u64 {
        (offset as u64).wrapping_mul(self.magic()) + 1
    }

    /// The index of the object that starts `offset` bytes into a slab, if one does.
    #[inline]
    pub fn object_at(self, offset: usize) -> Option<usize> {
        let product = u128::from(self.magic()) * offset as u128;
        #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
        let (index, rest) = ((product >> 64) as usize, product as u64);
        (rest < self.magic() && index < self.objects()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn each_size_gets_the_smallest_class_that_holds_it() {
        for n in 0..=CLASS_MAX {
            let class = SizeClass::for_size(n).unwrap();
            assert!(class.size() >= n);
            assert!(class.index() == 1 || SizeClass::of_index(class.index() - 1).size() < n.max(1));
            if (1..=SLAB_MAX).contains(&n) {
                assert_eq!(usize::from(BINS[grain(n)]), class.bin());
                assert!(class.has_slabs() && block_step(n) >= BLOCK_STEPS);
            } else if n > SLAB_MAX {
                assert_eq!(usize::from(BINS[GRAINS + block_step(n)]), class.bin());
            }
        }
        assert_eq!(SizeClass::for_size(CLASS_MAX + 1), None);
        assert!(grain(0) >= GRAINS && grain(SLAB_MAX + 1) >= GRAINS);
        assert!(block_step(0) >= BLOCK_STEPS && block_step(CLASS_MAX + 1) >= BLOCK_STEPS);
        SizeClass::all().for_each(|class| class.places().for_each(|at| assert_eq!(usize::from(BINS[at]), class.bin())));
        assert_eq!(SizeClass::within(SLAB_MAX - 1), None);
        for n in (SLAB_MAX..CLASS_MAX + 100).step_by(61) {
            let class = SizeClass::within(n).unwrap();
            assert!(class.size() <= n && SizeClass::all().all(|other| other <= class || other.size() > n));
        }
    }

    #[test]
    fn sizes_waste_little() {
        for class in SizeClass::all().skip(8) {
            let before = SizeClass::of_index(class.index() - 1).size();
            assert!(class.size().is_multiple_of(GRAIN) && class.size() - before <= before / 4);
        }
        for class in SizeClass::slabs() {
            let (used, all) = (class.objects() * class.size(), class.slab_bytes());
            assert!(used <= all - HEADER && all - used <= all / 31 && class.objects() >= 8, "{class:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn an_object_is_found_at_its_multiple_and_nowhere_else() {
        for class in SizeClass::slabs() {
            let all = class.limit_at((class.objects() - 1) * class.size());
            let some = class.limit_at(class.objects() / 2 * class.size());
            for offset in 0..class.slab_bytes() {
                let index = offset / class.size();
                let right = (offset.is_multiple_of(class.size()) && index < class.objects()).then_some(index);
                assert_eq!(class.object_at(offset), right, "{class:?} {offset}");
                let product = (offset as u64).wrapping_mul(class.magic());
                assert_eq!(product < all, right.is_some());
                assert_eq!(product < some, right.is_some_and(|index| index <= class.objects() / 2));
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn aligned_classes_are_multiples_of_the_alignment() {
        for align in [32, 64, 128, 1024, 4096, 16384] {
            for n in (1..=SLAB_MAX).step_by(7) {
                if let Some(class) = SizeClass::for_aligned(n, align) {
                    assert!(class.size() >= n && class.size().is_multiple_of(align) && class.has_slabs());
                }
            }
            assert!(SizeClass::for_aligned(align, align).is_some());
        }
        assert_eq!(SizeClass::for_aligned(SLAB_MAX, 2 * SLAB_MAX), None);
    }
}
