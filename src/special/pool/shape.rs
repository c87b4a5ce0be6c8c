//! How a pool's objects stand in its slabs, from their size and alignment.

use crate::base::align;
use crate::base::config::{GRAIN, HEADER};

/// The most objects of a slab: one summary word has a bit for each of their words.
pub const OBJECTS_MAX: usize = 64 * 64;
/// The largest object, and the largest alignment: offsets in a slab stay below 2^32, see `base::class`.
pub const OBJECT_MAX: usize = 256 << 20;

/// The usual bytes of a slab, and the fewest.
const SLAB: usize = 64 << 10;
const SLAB_MIN: usize = 4 << 10;
/// A slab has room for so many objects, if that makes it no larger than a MiB, and else for `FEW`.
const MANY: usize = 32;
const MANY_MAX: usize = 1 << 20;
const FEW: usize = 8;
/// Slabs from here on are mappings of their own, whose header stands elsewhere.
const OWN_MAPPING: usize = 128 << 10;

/// The numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes from one object to the next.
    pub stride: usize,
    /// What each object's address is a multiple of.
    pub align: usize,
    /// The bytes that slabs are aligned to, a power of two.
    pub slab_bytes: usize,
    /// Objects of a slab.
    pub objects: usize,
    /// The integer next above 2^64 / stride: multiplying replaces a division, see `base::class`.
    pub magic: u64,
}

impl Shape {
    /// For objects of `bytes` bytes, at most `OBJECT_MAX`, of which at most `limit` are out at a time. `align` is a
    /// power of two up to `OBJECT_MAX`, or 0 for what an object of that size can need: the largest power of two that
    /// divides it, up to 16. So many bytes, or a few more, behind each object are unused.
    pub fn new(bytes: usize, align: usize, limit: usize, gap: usize) -> Self {
        let bytes = bytes.max(1);
        let align = if align == 0 { (1 << bytes.trailing_zeros()).min(GRAIN) } else { align };
        // Of a single byte there is no `magic`.
        let stride = align::up(bytes.max(2) + gap, align);
        let slab_bytes = slab_bytes(stride, limit);
        let objects = (usable(slab_bytes) / stride).min(OBJECTS_MAX);
        debug_assert!(objects > 0);
        #[expect(clippy::cast_possible_truncation, reason = "of a half at most")]
        let magic = ((1u128 << 64) / stride as u128) as u64 + 1;
        Self { stride, align, slab_bytes, objects, magic }
    }

    /// The bytes to ask for.
    pub fn chunk_bytes(&self) -> usize {
        usable(self.slab_bytes)
    }

    /// How many words the bitmap of a slab has.
    pub fn words(&self) -> usize {
        self.objects.div_ceil(64)
    }

    /// The bits of a slab's word that stand for objects.
    pub fn valid(&self, word: usize) -> u64 {
        match self.objects - word * 64 {
            rest @ ..64 => (1 << rest) - 1,
            _ => u64::MAX,
        }
    }

    /// Which object starts `offset` bytes into a slab, if one does.
    #[inline(always)]
    pub fn index(&self, offset: usize) -> Option<usize> {
        let product = u128::from(self.magic) * offset as u128;
        #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
        let (index, rest) = ((product >> 64) as usize, product as u64);
        (rest < self.magic && index < self.objects).then_some(index)
    }
}

/// What fits into a slab: the last bytes of one in the heap are the header of the block behind it, so that slabs
/// stand side by side.
fn usable(slab_bytes: usize) -> usize {
    if slab_bytes < OWN_MAPPING { slab_bytes - HEADER } else { slab_bytes }
}

fn slab_bytes(stride: usize, limit: usize) -> usize {
    let usual = if stride * OBJECTS_MAX < SLAB {
        // A power of two with no more objects than a slab may have.
        1 << (stride * OBJECTS_MAX).ilog2()
    } else {
        let few = (stride * FEW).next_power_of_two().max(MANY_MAX);
        (stride * MANY).next_power_of_two().clamp(SLAB, few)
    };
    // A few objects need no large slab.
    let wanted = limit.checked_mul(stride).filter(|&bytes| bytes != 0 && bytes < usual);
    let enough = wanted.map_or(usual, |bytes| (bytes + HEADER).next_power_of_two().max(SLAB_MIN));
    enough.min(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_fill_their_slabs() {
        for bytes in (1..3000).chain((3000..200_000).step_by(997)).chain([1 << 20, (1 << 20) + 1, OBJECT_MAX]) {
            let shape = Shape::new(bytes, 0, 0, 0);
            assert!(shape.stride == bytes.max(2) && bytes.is_multiple_of(shape.align) && shape.align <= GRAIN);
            assert!(shape.objects >= 7 && shape.objects <= OBJECTS_MAX && shape.slab_bytes <= 1 << 31, "{shape:?}");
            let used = shape.objects * shape.stride;
            assert!(used <= shape.chunk_bytes() && used > shape.chunk_bytes() / 4 * 3 - bytes.min(64), "{shape:?}");
        }
        assert_eq!(Shape::new(0, 0, 0, 0), Shape::new(1, 0, 0, 0));
        assert_eq!((Shape::new(20, 0, 0, 0).align, Shape::new(20, 64, 0, 0).stride), (4, 64));
        assert_eq!((Shape::new(64, 0, 0, 0).slab_bytes, Shape::new(64, 0, 100, 0).slab_bytes), (64 << 10, 8 << 10));
        assert!(Shape::new(64, 0, 100, 0).objects >= 100);
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn an_object_is_found_at_its_multiple_and_nowhere_else() {
        for bytes in [2, 3, 7, 8, 24, 40, 64, 100, 1000, 4096, 5000, 100_000] {
            let shape = Shape::new(bytes, 0, 0, 0);
            for offset in 0..shape.slab_bytes {
                let index = offset / bytes;
                let right = (offset.is_multiple_of(bytes) && index < shape.objects).then_some(index);
                assert_eq!(shape.index(offset), right, "{shape:?} {offset}");
            }
        }
    }
}
