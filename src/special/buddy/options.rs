//! How a range is divided, and what a buddy allocator can be told when it is made.

use super::blocks::{self, LEAVES_MAX, ORDERS};
use crate::trace::report;
use core::fmt::Arguments;
use core::ops::Range;

/// The options, as the C API has them: 0 is the default.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Bytes of the smallest block.
    pub min_block: usize,
    /// Bytes of the largest.
    pub max_block: usize,
    /// Whether several threads use it: 0 or 1.
    pub shared: usize,
    /// Whether the range is offsets alone: 0 or 1.
    pub offsets: usize,
    /// The caller's memory for the control block, or null, and its bytes.
    pub control: usize,
    /// See `control`.
    pub control_bytes: usize,
}

/// The smallest and the largest of the smallest blocks; what the smallest block is by default.
const MIN_BLOCK: Range<usize> = 16..(1 << 30) + 1;
const MIN_DEFAULT: usize = 64;

/// How a range of addresses is divided into leaves. The first leaf is that at `origin`, a multiple of the largest
/// block: every block's address is a multiple of its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    origin: usize,
    shift: u32,
    /// The largest order.
    pub top: usize,
    /// The leaves of the range.
    pub leaves: Range<usize>,
}

impl Layout {
    /// Of `bytes` bytes from an address on; says why not.
    pub fn new(start: usize, bytes: usize, options: &Options) -> Option<Self> {
        let min = if options.min_block == 0 { MIN_DEFAULT } else { options.min_block };
        if !(min.is_power_of_two() && MIN_BLOCK.contains(&min)) {
            return refuse(
                "min_block",
                min,
                format_args!("a power of two from {} to {}", MIN_BLOCK.start, MIN_BLOCK.end - 1),
            );
        }
        let (shift, largest) = (min.ilog2(), bytes.checked_ilog2().map_or(0, |bits| 1 << bits));
        let max = if options.max_block == 0 { largest.max(min).min(min << (ORDERS - 1)) } else { options.max_block };
        if !max.is_power_of_two() || max < min || (max / min).ilog2() as usize >= ORDERS {
            let end = min.saturating_mul(1 << (ORDERS - 1));
            return refuse("max_block", max, format_args!("a power of two from {min}, which is min_block, to {end}"));
        }
        if options.shared > 1 || options.offsets > 1 {
            let (name, value) =
                if options.shared > 1 { ("shared", options.shared) } else { ("offsets", options.offsets) };
            return refuse(name, value, format_args!("0 or 1"));
        }
        let origin = start & !(max - 1);
        let first = (start - origin).div_ceil(min);
        let end = (start.saturating_add(bytes) - origin) >> shift;
        if first >= end || end > LEAVES_MAX {
            return refuse(
                "bytes",
                bytes,
                format_args!("room for one block of {min} bytes, which is min_block, to {LEAVES_MAX} of them"),
            );
        }
        Some(Self { origin, shift, top: (max >> shift).ilog2() as usize, leaves: first..end })
    }

    /// The words that its bitmaps take.
    pub fn words(&self) -> usize {
        blocks::words_for(self.leaves.end, self.top)
    }

    /// The order of the blocks for so many bytes; one above all where there are none.
    #[inline(always)]
    pub fn order_for(&self, bytes: usize) -> usize {
        // Leaves less one: its bits are the order.
        let more = bytes.saturating_sub(1) >> self.shift;
        (usize::BITS - more.leading_zeros()) as usize
    }

    /// Bytes of a block.
    #[inline(always)]
    pub fn bytes(&self, order: usize) -> usize {
        1 << (order + self.shift as usize)
    }

    /// Where a leaf starts.
    #[inline(always)]
    pub fn address(&self, leaf: usize) -> usize {
        self.origin + (leaf << self.shift)
    }

    /// The leaf that starts at an address, in the range or not; `None` if none can.
    #[inline(always)]
    pub fn leaf(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.origin);
        if offset & ((1 << self.shift) - 1) == 0 { Some(offset >> self.shift) } else { None }
    }

    /// The leaf of the range that an address lies in.
    pub fn leaf_around(&self, address: usize) -> Option<usize> {
        Some(address.checked_sub(self.origin)? >> self.shift).filter(|leaf| self.leaves.contains(leaf))
    }
}

/// Says that a value is none.
pub fn refuse<T>(name: &str, value: usize, valid: Arguments<'_>) -> Option<T> {
    report::say(format_args!("metes_buddy_new: {name} is {value}; valid: {valid}"));
    None
}
