//! Where the words of thread caches and their rooms are: for a reader in another process (`front::channel`).

use super::cache::{Bin, Cache};
use super::rooms::{self, Room};
use super::slots::{NEAR, SPARE, STACK_SLOTS, StackSlots};
use crate::base::class::{CLASSES, SLAB_CLASSES};
use core::mem::offset_of;

/// Rooms and caches: offsets of words in them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheLayout {
    /// In a room: the address of the next room.
    pub next: u32,
    /// In a room: the address of its first cache.
    pub caches: u32,
    /// In a room: how many caches have space there.
    pub size: u32,
    /// In a room: the offset of the caches' words, 64 bits each. The lower half is the owner's thread number and a
    /// few flags.
    pub words: u32,
    /// In a cache's word: which bit says that the cache is laid out.
    pub laid: u32,
    /// Bytes of a cache with its slots; the next one is at the next page.
    pub bytes: u32,
    /// In a cache: its home arena, shifted left by `home_shift`.
    pub home: u32,
    /// See `home`.
    pub home_shift: u32,
    /// The bin of class 0, and the bytes from one to the next. Its first word is the address of the top slot.
    pub bins: u32,
    /// See `bins`.
    pub bin: u32,
    /// The table from sizes to bins, and its bytes.
    pub table: u32,
    /// See `table`.
    pub table_bytes: u32,
    /// The first slot. Slots are words, and 0 stands below the lowest of a stack, and where a mark is.
    pub slots: u32,
    /// The most slots of a class that are used in the place for few.
    pub near: u32,
    /// The remote buffer.
    pub remote: u32,
    /// The address of the last of its words that is used; of the word before it if none is.
    pub remote_top: u32,
    /// Counters of 64 bits, by operation.
    pub calls: u32,
    /// The same, of calls that were served elsewhere.
    pub elsewhere: u32,
    /// The next six are counters of 64 bits: see `cache::count` for what follows from them.
    pub pushed: u32,
    /// Added to `pushed`.
    pub pushed_base: u32,
    /// Objects that fills have brought.
    pub filled: u32,
    /// Objects that flushes have taken away.
    pub flushed: u32,
    /// Objects that have gone home through the remote buffer.
    pub sent_home: u32,
    /// Frees that are a part of a realloc.
    pub moved: u32,
}

/// Where each class's first slots are, in words from `CacheLayout::slots`: 32 bits for the place for few, 32 bits for
/// the place for many.
pub type Slots = [StackSlots; CLASSES];

/// See `Slots`.
pub static SLOTS: &Slots = &STACK_SLOTS;

const _: () = assert!(size_of::<StackSlots>() == 8 && SLAB_CLASSES < CLASSES);

/// See `CacheLayout`.
pub const CACHE: CacheLayout = CacheLayout {
    next: offset_of!(Room, next) as u32,
    caches: offset_of!(Room, caches) as u32,
    size: offset_of!(Room, size) as u32,
    words: size_of::<Room>() as u32,
    laid: rooms::LAID.trailing_zeros(),
    bytes: super::cache::BYTES as u32,
    home: (offset_of!(Cache, head) + offset_of!(super::cache::Head, home)) as u32,
    home_shift: crate::slab::slab::BINS_END.trailing_zeros(),
    bins: offset_of!(Cache, bins) as u32,
    bin: size_of::<Bin>() as u32,
    table: offset_of!(Cache, bins_of_grains) as u32,
    table_bytes: (super::cache::PLACES * size_of::<u16>()) as u32,
    slots: size_of::<Cache>() as u32,
    near: (NEAR + SPARE) as u32,
    remote: offset_of!(Cache, remote) as u32,
    remote_top: offset_of!(Cache, remote_top) as u32,
    calls: offset_of!(Cache, calls) as u32,
    elsewhere: offset_of!(Cache, elsewhere) as u32,
    pushed: offset_of!(Cache, pushed) as u32,
    pushed_base: offset_of!(Cache, pushed_base) as u32,
    filled: offset_of!(Cache, filled) as u32,
    flushed: offset_of!(Cache, flushed) as u32,
    sent_home: offset_of!(Cache, sent_home) as u32,
    moved: offset_of!(Cache, moved) as u32,
};
