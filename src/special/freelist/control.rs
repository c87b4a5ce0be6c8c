//! The control block at the start of a free list's buffer: what stands where, and the list's shape.

use crate::base::align;
use crate::base::config::{GRAIN, HEADER};
use crate::heap::free_list::Fit;

/// A block: the offset of its payload.
pub(super) type Block = usize;

// The control block's words.
/// Says what this is, and of which version.
pub(super) const MAGIC_AT: usize = 0;
/// `Shape`.
pub(super) const SHAPE_AT: usize = 8;
/// The list's own secret.
pub(super) const SECRET_AT: usize = 16;
/// `READY`, or the operation that is under way.
pub(super) const STATE_AT: usize = 24;
/// The tree's root.
pub(super) const ROOT_AT: usize = 32;
/// Bytes in use, with headers.
pub(super) const LIVE_AT: usize = 40;
/// Blocks in use.
pub(super) const BLOCKS_AT: usize = 48;
/// Free blocks.
pub(super) const FREE_BLOCKS_AT: usize = 56;
/// The most `LIVE_AT` has been.
pub(super) const PEAK_AT: usize = 64;
/// Who has told valgrind of the list, see `watched`.
pub(super) const WATCHER_AT: usize = 72;
/// One bit for each bin that has a block.
pub(super) const MAP_AT: usize = 80;
/// Words of that.
pub(super) const MAP_WORDS: usize = 4;
/// The first block of each bin.
pub(super) const HEADS_AT: usize = MAP_AT + 8 * MAP_WORDS;

/// The bytes `metesfl` and the version of the layout.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"metesfl\x01");
/// Said by the control block while no operation is under way.
pub(super) const READY: u64 = u64::from_le_bytes(*b"whole fl");

/// The smallest buffer.
pub const BYTES_MIN: usize = 256;
/// More is not used: sizes are counted in grains with 32 bits.
pub const BYTES_MAX: usize = (1 << 36) - GRAIN;

/// The smallest block: a header, two links, and the boundary tag.
pub(super) const MIN_BINNED: usize = 32;
/// The same of a block in the tree, which has three links and a summary.
pub(super) const MIN_TREE: usize = 48;

/// The logarithm of more bins than there are.
const NO_BINS: u32 = 15;

/// What does not change while a list is used: where its blocks end, and how it looks for a free one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape(u64);

impl Shape {
    /// A list of `bytes` bytes, a multiple of the grain. Best fit alone has bins.
    pub fn new(bytes: usize, fit: Fit) -> Self {
        // A sixty-fourth of the buffer, at most.
        let bins_log = if fit == Fit::Best { (bytes / 512).clamp(1, 64 * MAP_WORDS).ilog2() } else { NO_BINS };
        Self(bytes as u64 | u64::from(bins_log) | (fit as u64) << 36)
    }

    /// As a word.
    pub fn word(self) -> u64 {
        self.0
    }

    /// What a word says that was whole.
    #[inline]
    pub fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The fence's offset, which is the list's size.
    #[inline]
    pub fn end(self) -> usize {
        (self.0 & 0xf_ffff_fff0) as usize
    }

    /// The same list with another end.
    pub fn with_end(self, end: usize) -> Self {
        Self(self.0 & !0xf_ffff_fff0 | end as u64)
    }

    /// Which free block serves a request.
    #[inline]
    pub fn fit(self) -> Fit {
        match self.0 >> 36 & 3 {
            0 => Fit::First,
            1 => Fit::Best,
            _ => Fit::Worst,
        }
    }

    /// Bins: the first is of blocks of `MIN_BINNED` bytes, each next one of a grain more. Larger blocks are in the
    /// tree.
    #[inline]
    pub fn bins(self) -> usize {
        (1 << (self.0 & 15)) & (2 * 64 * MAP_WORDS - 1)
    }

    /// The smallest block.
    #[inline]
    pub fn min(self) -> usize {
        if self.fit() == Fit::Best { MIN_BINNED } else { MIN_TREE }
    }

    /// The first block.
    #[inline]
    pub fn first(self) -> Block {
        align::up(HEADS_AT + 8 * self.bins() + HEADER, GRAIN)
    }

    /// The bytes of a block that serves a request of `n`; `None` where no block can be so large.
    #[inline]
    pub fn size_for(self, n: usize) -> Option<usize> {
        if n < BYTES_MAX { Some(align::up(n + HEADER, GRAIN).max(self.min())) } else { None }
    }
}
