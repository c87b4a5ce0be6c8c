//! Where the words of arenas, bins and slabs are: for a reader in another process (`front::channel`).

use super::arena::{Arena, Inside};
use super::slab::{self, Slab};
use crate::heap::page_map;
use crate::slab::metadata::{CHUNK, RECORD_ALIGN};
use crate::sys::linux::Linux;
use core::mem::offset_of;

/// An arena: offsets of words in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ArenaLayout {
    /// From one arena to the next.
    pub arena: u32,
    /// The heap: see `HeapLayout`.
    pub heap: u32,
    /// How often the arena was entered.
    pub entries: u32,
    /// How often a thread had to wait.
    pub waits: u32,
}

/// A slab's record, and the page map's entries, which lead to it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SlabLayout {
    /// The record's address is the entry shifted right by this, times `align`.
    pub entry_shift: u32,
    /// See `entry_shift`.
    pub align: u32,
    /// Records are in chunks of this many bytes, aligned to it.
    pub chunk: u32,
    /// The slab's first address.
    pub start: u32,
    /// 8 bits: the index of its class; 0 for a mixed slab, and a class without slabs for a parked one.
    pub class: u32,
    /// 8 bits: its arena.
    pub arena: u32,
    /// 8 bits: its units.
    pub units: u32,
    /// A bit for each object, or grain in a mixed slab, which is 1 if it is free. In a mixed slab as many bits follow
    /// that say where objects, and what follows them, start.
    pub bitmap: u32,
}

const IN_ARENA: usize = offset_of!(Arena<Linux>, inside);

/// See `ArenaLayout`.
pub const ARENA: ArenaLayout = ArenaLayout {
    arena: size_of::<Arena<Linux>>() as u32,
    heap: (IN_ARENA + offset_of!(Inside<Linux>, heap)) as u32,
    entries: offset_of!(Arena<Linux>, entries) as u32,
    waits: (offset_of!(Arena<Linux>, lock) + crate::sys::lock::WAITS) as u32,
};

/// See `SlabLayout`.
pub const SLAB: SlabLayout = SlabLayout {
    entry_shift: page_map::RECORD_SHIFT,
    align: RECORD_ALIGN as u32,
    chunk: CHUNK as u32,
    start: offset_of!(Slab, start) as u32,
    class: offset_of!(Slab, class) as u32,
    arena: offset_of!(Slab, arena) as u32,
    units: offset_of!(Slab, units) as u32,
    bitmap: slab::BITMAP as u32,
};
