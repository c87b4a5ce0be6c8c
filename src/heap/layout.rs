//! Where the words of heaps, their records and the page map are: for a reader in another process (`front::channel`).

use super::block;
use super::heap::{Figures, Heap};
use super::page_map::{self, Leaf};
use super::range_record::{self, RangeRecord, RecordPool};
use crate::base::checksum;
use crate::base::config::UNIT;
use crate::sys::linux::Linux;
use core::mem::offset_of;

/// A heap: offsets of words in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapLayout {
    /// Bytes of address space in regions.
    pub held: u32,
    /// The most `held` has been.
    pub peak_held: u32,
    /// The address of the free block at the root of the tree; 0 for none.
    pub root: u32,
    /// Free blocks.
    pub free_blocks: u32,
}

/// The page map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MapLayout {
    /// Bytes of a unit.
    pub unit: u32,
    /// Units of a leaf.
    pub leaf_units: u32,
    /// Words of the root, which are addresses of leaves.
    pub roots: u32,
    /// Bytes of a leaf.
    pub leaf_bytes: u32,
    /// In a leaf: the offset of the words of slabs' entries.
    pub slabs: u32,
}

/// Range records and their pool. The kinds are those of `range_record::Kind`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RangeLayout {
    /// In the pool: the address of the newest chunk.
    pub chunks: u32,
    /// Bytes of a chunk. Its first word is the address of the next chunk, its second how many records it has had.
    pub chunk: u32,
    /// Bytes of a record, and of a chunk's head.
    pub record: u32,
    /// In a record: the 32 bits whose lowest three are its kind.
    pub state: u32,
    /// 32 bits: the number of the arena, or of a compartment with the top bit set.
    pub arena: u32,
    /// The first address.
    pub start: u32,
    /// The length in bytes.
    pub len: u32,
    /// The first byte that nobody has touched; of a mapping the bytes asked for.
    pub untouched_from: u32,
    /// 32 bits: whether the region is joined to the one before.
    pub joined: u32,
    /// The address of the heap's next region.
    pub next: u32,
}

/// Headers of blocks, which stand before them: content, and above it a checksum.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockLayout {
    /// `base::checksum`'s multiplier of the content.
    pub odd: u64,
    /// Its multiplier of the address.
    pub address_odd: u64,
    /// Whether words have checksums.
    pub checked: u32,
    /// Bits of the content. The lower 32 are the block's bytes divided by 16.
    pub bits: u32,
    /// The bit that says that the block is in use.
    pub in_use: u32,
    /// In a free block: the offset of the summary, whose lower 32 bits are the bytes of the largest block in its
    /// part of the tree, divided by 16.
    pub summary: u32,
    /// Bits of the summary's content.
    pub summary_bits: u32,
}

type Of = Heap<Linux>;

const fn figure(offset: usize) -> u32 {
    (offset_of!(Of, figures) + offset) as u32
}

/// See `HeapLayout`.
pub const HEAP: HeapLayout = HeapLayout {
    held: figure(offset_of!(Figures, held)),
    peak_held: figure(offset_of!(Figures, peak_held)),
    root: (offset_of!(Of, free) + super::free_list::ROOT) as u32,
    free_blocks: (offset_of!(Of, free) + super::free_list::COUNT) as u32,
};

/// See `MapLayout`.
pub const MAP: MapLayout = MapLayout {
    unit: UNIT as u32,
    leaf_units: page_map::LEAF_ENTRIES as u32,
    roots: page_map::ROOT_ENTRIES as u32,
    leaf_bytes: page_map::LEAF_BYTES as u32,
    slabs: offset_of!(Leaf, slabs) as u32,
};

/// See `RangeLayout`.
pub const RANGES: RangeLayout = RangeLayout {
    chunks: offset_of!(RecordPool, chunks) as u32,
    chunk: range_record::CHUNK as u32,
    record: size_of::<RangeRecord>() as u32,
    state: offset_of!(RangeRecord, state) as u32,
    arena: offset_of!(RangeRecord, arena) as u32,
    start: offset_of!(RangeRecord, start) as u32,
    len: offset_of!(RangeRecord, len) as u32,
    untouched_from: offset_of!(RangeRecord, untouched_from) as u32,
    joined: offset_of!(RangeRecord, joined) as u32,
    next: offset_of!(RangeRecord, next) as u32,
};

/// See `BlockLayout`.
pub const BLOCK: BlockLayout = BlockLayout {
    odd: checksum::ODD,
    address_odd: checksum::ADDRESS_ODD,
    checked: crate::base::config::CHECKED as u32,
    bits: block::HEADER_BITS,
    in_use: block::IN_USE.trailing_zeros(),
    summary: block::SUMMARY as u32,
    summary_bits: block::SUMMARY_BITS,
};
