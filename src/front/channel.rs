//! The channel: what the tool `metes` reads of a running process, from outside.
//!
//! A reader finds the exported symbol `metes_channel` in the library or the program, copies it out of the process
//! (`process_vm_readv`), and follows its addresses. The process does nothing for that: no thread, no call, no word that it
//! would not write anyway. So it costs nothing, and works while the process is stopped or hangs. What a reader finds
//! may be half changed. It bounds each walk, and takes no word for granted.
//!
//! Later versions add fields behind the others. A reader takes as many bytes as `size` says.

#![allow(unsafe_code)]

use crate::base::class::{CLASSES, SHAPES, SLAB_CLASSES, Shape};
use crate::base::config::ARENAS_MAX;
use crate::base::operation::Operation;
use crate::base::read_only;
use crate::base::shared::{AtomicPtr, AtomicU64, AtomicUsize};
use crate::cache::layout::{CACHE, CacheLayout, SLOTS, Slots};
use crate::cache::{count, rooms};
use crate::compartment::layout::{COMPARTMENT, CompartmentLayout, SMALL, SmallLayout};
use crate::compartment::table;
use crate::debug::layout::{QUARANTINE, QuarantineLayout};
use crate::debug::quarantine::{self, Shard};
use crate::heap::layout::{BLOCK, BlockLayout, HEAP, HeapLayout, MAP, MapLayout, RANGES, RangeLayout};
use crate::heap::page_map::PageMap;
use crate::heap::range_record::RecordPool;
use crate::process::statics::{self, ARENAS_ALL};
use crate::process::{option_keys, option_values, profiling};
use crate::report::layout::{POOL, PoolLayout, TRAILER, TrailerLayout};
use crate::report::{guard_pool, trailer};
use crate::slab::arena::Arena;
use crate::slab::layout::{ARENA, ArenaLayout, SLAB, SlabLayout};
use crate::sys::linux::Linux;
use crate::sys::{excluded, limit};
use crate::trace::depot::Depot;
use crate::trace::layout::{DEPOT, DepotLayout, STACK, StackLayout};

/// What a channel begins with.
pub const MAGIC: [u8; 16] = *b"metes channel 1\n";

/// The channel. Its addresses are of statics of the process.
#[repr(C)]
pub struct Channel {
    /// `MAGIC`, of which the number is another where fields have changed their meaning.
    pub magic: [u8; 16],
    /// Bytes of this struct.
    pub size: u32,
    /// How many arenas there are room for.
    pub arenas_all: u32,
    /// How many classes there are, class 0 included.
    pub classes: u32,
    /// How many of these have slabs.
    pub slab_classes: u32,
    /// How many operations are counted.
    pub operations: u32,
    /// The library's version, zeroes behind it.
    pub version: [u8; 24],
    /// The arenas.
    pub arenas: Address<[Arena<Linux>; ARENAS_ALL]>,
    /// A bit for each arena in use.
    pub arenas_in_use: Address<core::sync::atomic::AtomicU64>,
    /// The root of the page map.
    pub page_map: Address<PageMap>,
    /// The pool of range records.
    pub ranges: Address<RecordPool>,
    /// The first room of caches.
    pub rooms: Address<rooms::Room>,
    /// Calls that no cache counts.
    pub calls: Address<[AtomicU64; Operation::COUNT]>,
    /// The classes.
    pub shapes: Address<[Shape; CLASSES]>,
    /// The places of stacks in caches.
    pub slots: Address<Slots>,
    /// The secret of checksums.
    pub secret: Address<core::sync::atomic::AtomicU64>,
    /// A word with the address of the compartments.
    pub compartments: Address<AtomicUsize>,
    /// A word that says how many of these were ever used.
    pub compartments_used: Address<AtomicUsize>,
    /// What a tool writes to take samples, and where the profile is.
    pub profiling: Address<profiling::Control>,
    /// A word that says how many bytes are mapped.
    pub mapped: Address<core::sync::atomic::AtomicUsize>,
    /// Offsets.
    pub heap: HeapLayout,
    /// Offsets.
    pub map: MapLayout,
    /// Offsets.
    pub range: RangeLayout,
    /// Offsets.
    pub block: BlockLayout,
    /// Offsets.
    pub arena: ArenaLayout,
    /// Offsets.
    pub slab: SlabLayout,
    /// Offsets.
    pub cache: CacheLayout,
    /// Offsets.
    pub compartment: CompartmentLayout,
    /// Ranges of metes' own records: for each its first address, 0 where there is none, and the address after its last.
    pub areas: Address<[[core::sync::atomic::AtomicUsize; 2]; excluded::MOST]>,
    /// The depot of stacks, whose memory is not among the areas.
    pub depot: Address<Depot>,
    /// The shards of the quarantine.
    pub quarantine: Address<[Shard; ARENAS_MAX]>,
    /// How many areas there are room for.
    pub areas_all: u32,
    /// How many shards there are.
    pub shards: u32,
    /// Offsets.
    pub depot_layout: DepotLayout,
    /// Offsets.
    pub quarantine_layout: QuarantineLayout,
    /// Offsets.
    pub small: SmallLayout,
    /// The pool of guarded blocks.
    pub guard_pool: Address<AtomicPtr<guard_pool::Pool>>,
    /// Offsets.
    pub pool_layout: PoolLayout,
    /// Offsets.
    pub trailer: TrailerLayout,
    /// Offsets.
    pub stack: StackLayout,
    /// Words of options, and how many there are.
    pub option_words: Address<[core::sync::atomic::AtomicUsize; read_only::WORDS]>,
    /// Texts of options.
    pub option_texts: Address<[[core::sync::atomic::AtomicU8; read_only::TEXT]; read_only::TEXTS]>,
    /// The addresses of the words of options that can change.
    pub option_changing: Address<[&'static core::sync::atomic::AtomicUsize; option_values::CHANGING]>,
    /// A byte that says whether the cutoff is fixed.
    pub cutoff_fixed: Address<core::sync::atomic::AtomicBool>,
    /// `option_keys::MARK`: options and their words are those that the reader knows if this is the same.
    pub option_mark: u64,
}

/// An address of something in the process: eight bytes.
#[repr(transparent)]
pub struct Address<T>(*const T);

// SAFETY: a number, which this process does not follow.
unsafe impl<T> Sync for Address<T> {}

impl<T: 'static> Address<T> {
    const fn of(what: &'static T) -> Self {
        Self(what)
    }

    /// The number.
    pub fn get(&self) -> usize {
        self.0.addr()
    }
}

impl Channel {
    /// The channel of another process, from its bytes. What the process does not have is zero. `None` if they do not
    /// begin with `MAGIC`.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let known = bytes.get(..20).filter(|known| known[..16] == MAGIC)?;
        let len = u32::from_le_bytes(known[16..].try_into().ok()?) as usize;
        let mut all = [0; size_of::<Self>()];
        let len = len.min(bytes.len()).min(all.len());
        all[..len].copy_from_slice(&bytes[..len]);
        // SAFETY: numbers and raw pointers, of which all bytes are valid.
        Some(unsafe { core::mem::transmute::<[u8; size_of::<Self>()], Self>(all) })
    }
}

const fn version() -> [u8; 24] {
    let (text, mut bytes) = (env!("CARGO_PKG_VERSION").as_bytes(), [0; 24]);
    let mut at = 0;
    while at < text.len() {
        bytes[at] = text[at];
        at += 1;
    }
    bytes
}

/// The channel of this process.
#[cfg_attr(any(feature = "export", feature = "override"), unsafe(export_name = "metes_channel"))]
#[used]
pub static CHANNEL: Channel = Channel {
    magic: MAGIC,
    size: size_of::<Channel>() as u32,
    arenas_all: ARENAS_ALL as u32,
    classes: CLASSES as u32,
    slab_classes: SLAB_CLASSES as u32,
    operations: Operation::COUNT as u32,
    version: version(),
    arenas: Address::of(&statics::ARENAS),
    arenas_in_use: Address::of(&statics::IN_USE),
    page_map: Address::of(&statics::PAGE_MAP),
    ranges: Address::of(&statics::RECORDS),
    rooms: Address::of(rooms::FIRST_ROOM),
    calls: Address::of(&count::CALLS),
    shapes: Address::of(&SHAPES),
    slots: Address::of(SLOTS),
    secret: Address::of(read_only::secret()),
    compartments: Address::of(&table::RECORDS),
    compartments_used: Address::of(&table::USED),
    profiling: Address::of(&profiling::CONTROL),
    mapped: Address::of(&limit::MAPPED),
    heap: HEAP,
    map: MAP,
    range: RANGES,
    block: BLOCK,
    arena: ARENA,
    slab: SLAB,
    cache: CACHE,
    compartment: COMPARTMENT,
    areas: Address::of(&excluded::RANGES),
    depot: Address::of(&trailer::STACKS),
    quarantine: Address::of(&quarantine::SHARDS),
    areas_all: excluded::MOST as u32,
    shards: ARENAS_MAX as u32,
    depot_layout: DEPOT,
    quarantine_layout: QUARANTINE,
    small: SMALL,
    guard_pool: Address::of(&guard_pool::POOL),
    pool_layout: POOL,
    trailer: TRAILER,
    stack: STACK,
    option_words: Address::of(read_only::words()),
    option_texts: Address::of(read_only::texts()),
    option_changing: Address::of(&option_values::CHANGING_WORDS),
    cutoff_fixed: Address::of(option_values::FIXED),
    option_mark: option_keys::MARK,
};
