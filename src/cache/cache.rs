//! The thread cache: for each size class a stack of pointers to free objects, one thread's alone.
//!
//! ```text
//!     cache pointer (TLS) -> | gate | home | near leaf | ... | bin | bin | bin | ...        one bin a size class
//!                                                            |
//!                                                | 0 | p | p | p |   |   |   |             its slots
//!                                                              top       end
//! ```
//!
//! The lowest slot is 0, so an empty stack is one on whose top there is 0. Each class has slots in two places: few that stand close to
//! those of the other classes, so that small stacks share pages and cache lines are spread over all sets, and as many as it may ever
//! need. A stack moves when what it may hold changes.
//!
//! `allocate` pops, `release` pushes: no lock, no atomic instruction, no chain through the objects. What is not so simple is
//! left to the slow paths: an empty stack is filled, a full one flushed, by a batch, under the lock of the thread's home
//! arena. Only objects of slabs of that arena are in the stacks; others go home through the remote buffer, so a
//! thread is not given memory that shares cache lines with another arena's.
//!
//! **The key.** A free object's second word holds a key, its address times an odd number, from `release` until it is handed out
//! again. `release` looks for it first: that is a double free. See `slab::key`.
//!
//! **The gate.** A signal handler may interrupt these functions anywhere and call them itself. Between reading a stack and
//! writing it back the gate is closed: it is the limit to which both compare anyway, so that whoever comes in between takes the slow
//! path, finds the gate closed, and is served by the arena or a mapping. Nothing of this is there for other threads: the
//! fences are the compiler's alone.
//!
//! **Halting.** The helper empties the cache of a thread that sleeps. The fast paths close the gate before they read the table of bins or a
//! stack's end, and these are what `halt` changes: see there. They pay nothing for it.
//!
//! **Sampling** (`guard=N`) counts in a word that `release` adds to anyway: it starts below zero, and when it gets there the processor's
//! zero flag, which the addition has set, leads to `sample_due`. That *arms* the cache: the table of bins is emptied as `halt` does it,
//! for small sizes, so the next allocation takes the slow path and is guarded there. Malloc pays nothing for it, and free a jump that is
//! not taken.
//!
//! **The near leaf** is the leaf of the page map that the thread's objects are in: nearly always that of any object.
//!
//! **Fork** may cut a thread off anywhere. A pop is done when it moves `top`, and so is a push, whose object is in its slot by then: the
//! child, which takes over the stacks of threads that are gone, loses one object at most, and never finds one that somebody has.

#![allow(unsafe_code)]

use super::slots::{SLOTS, STACK_SLOTS};
use crate::base::arch::{entry_at, is_below, is_below_at, is_set};
use crate::base::class::{self, CLASSES, SizeClass};
use crate::base::config::{CHECKED, UNIT};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::base::shared::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Unshared, light_fence};
use crate::heap::page_map::{LeafView, Unit};
use crate::process::statics::PAGE_MAP;
use crate::slab::slab::{BINS_END, Entry, home_place};
use crate::sys::thread;
use core::mem::offset_of;
use core::sync::atomic::Ordering::Relaxed;

/// The gate when it is open. Sizes in grains and distances of bins are both below it when the fast paths serve them.
pub(super) const OPEN: usize = BINS_END;
pub(super) const CLOSED: usize = 0;

const _: () = assert!(OPEN == class::GRAINS);
const _: () = assert!(size_of::<Bin>() == class::BIN * size_of::<usize>() && offset_of!(Cache, head) == 0);
// As `sys::tls` lays out the head of nobody, with the near leaf of nobody behind it.
const _: () = assert!(offset_of!(Head, gate) == 0 && offset_of!(Head, near_leaf) == 16 && size_of::<Head>() == 24);
const _: () = assert!(size_of::<LeafView>() == 16);

/// Frees to other arenas that are collected before they go home.
pub const REMOTE: usize = 128;

pub(super) const HALTED: u32 = 1;
pub(super) const LEFT: u32 = 2;
/// Not halted: the next allocation is to take the slow path.
pub(super) const ARMED: u32 = 3;

/// What halting goes through; in models little, as each word is one more place at which threads may take turns.
pub(super) const GRAINS: usize = if cfg!(feature = "models") { 2 } else { class::GRAINS };

pub(super) fn classes() -> impl Iterator<Item = SizeClass> {
    SizeClass::all().take(if cfg!(feature = "models") { 2 } else { CLASSES })
}

/// One size class's stack.
#[repr(C)]
pub struct Bin {
    /// The address of the slot with the object that is handed out next, or with 0.
    pub(super) top: AtomicUsize,
    /// The address of the last slot that may be used; 0 while the cache is halted.
    pub(super) end: AtomicUsize,
    /// See `SizeClass::magic`.
    pub(super) magic: Unshared<u64>,
    /// Bytes of an object.
    pub(super) size: Unshared<usize>,
}

impl Bin {
    /// Whether an object of the class that has left its arena once starts at an address in a unit.
    #[inline(always)]
    pub(super) fn has_object(&self, unit: Unit, address: usize) -> bool {
        !CHECKED || unit.is_below_limit(Entry::offset(unit.word(), address).wrapping_mul(self.magic.get()))
    }
}

/// What the slow paths know of a stack.
#[derive(Default)]
pub struct Pace {
    /// Objects that the last fill brought.
    pub batch: AtomicU16,
    /// Flushes since the last fill.
    pub flushes: AtomicU16,
    /// How many objects the stack may hold.
    pub(super) capacity: AtomicU16,
    /// `top`, the part of it that moves, when somebody last wanted to take the stack's room.
    pub(super) seen: AtomicU16,
}

/// What the fast paths read before they know that there is a cache behind it. A thread that has none has a head alone, whose gate is closed for
/// good: see `sys::tls`.
#[repr(C)]
pub(super) struct Head {
    pub(super) gate: AtomicUsize,
    /// The home arena, as `Entry::place` has it. Written before its thread has the cache.
    pub(super) home: Unshared<usize>,
    /// The address of the near leaf.
    pub(super) near_leaf: AtomicUsize,
}

/// A thread's cache. Its slots stand behind it. Its words are used by the thread that has it, and by its signal handlers: it changes
/// hands through a word in its room, see `rooms`, and after fork.
///
/// A thread that needs few small blocks touches two pages of it: the first, up to where the table of bins says what serves small sizes, and one
/// of slots. So the table, which is zero at first, is filled class by class as they are used.
#[repr(C, align(64))]
pub struct Cache {
    pub(super) head: Head,
    /// Objects that frees have brought, less `pushed_base`: the next sample is due at zero.
    pub(super) pushed: AtomicU64,
    /// Calls that others served for the thread.
    pub elsewhere: [AtomicU64; Operation::COUNT],
    /// Calls that the cache served, by `Operation as usize`; mallocs are not counted one by one: see `stats`.
    pub calls: [AtomicU64; Operation::COUNT],
    /// Frees that are a part of a realloc.
    pub moved: AtomicU64,
    /// How often its thread has been told that it is ending.
    pub endings: AtomicU32,
    /// Objects that fills have brought.
    pub filled: AtomicU64,
    /// Objects that flushes have taken away.
    pub flushed: AtomicU64,
    /// Frees to other arenas.
    pub remote_frees: AtomicU64,
    /// What the stacks may hold above their least, all together, in bytes of objects.
    pub(super) grown: AtomicUsize,
    /// The class that was last asked to give up room.
    pub(super) victim: AtomicUsize,
    /// `HALTED` while another thread empties the cache, `LEFT` when that is done but for letting the thread go on; or `ARMED`.
    pub(super) halted: AtomicU32,
    /// See `pushed`.
    pub(super) pushed_base: AtomicU64,
    /// Odd while these two do not belong together.
    pub(super) pushed_changes: AtomicU32,
    /// Samples that are due.
    pub(super) samples: AtomicU32,
    /// The rate that the counter was set for; 0 if it only counts.
    pub(super) rate: AtomicUsize,
    /// The millisecond of the last sample.
    pub(super) sampled_at: AtomicU64,
    /// The state of a generator of random numbers.
    pub(super) random: AtomicU64,
    /// Frees of objects that the near leaf did not show.
    pub(super) not_near: AtomicUsize,
    /// What `activity` was when the helper looked last.
    pub(super) seen: AtomicUsize,
    /// How many of `remote` are used.
    pub(super) remote_count: AtomicUsize,
    pub(super) paces: [Pace; CLASSES],
    pub(super) bins: [Bin; CLASSES],
    /// A copy of what `class::BINS` says of the classes in use: an address less to compute. All 0, which is the bin of no class, while the
    /// cache is halted.
    pub(super) bins_of_grains: [AtomicU16; class::GRAINS],
    pub(super) remote: [AtomicUsize; REMOTE],
}

/// How many of the table's first words are on the first page: for sizes up to about so many grains.
const _: () = assert!(offset_of!(Cache, bins_of_grains) + 2 * 256 <= 4096);

/// What the stacks of all caches may hold, in bytes of objects; what each stack may hold at the least comes on top.
pub(super) const BUDGET: usize = 32 << 20;
/// The most and the least that the stacks of one cache share.
pub(super) const SHARE_MAX: usize = 8 << 20;
pub(super) const SHARE_MIN: usize = 1 << 20;

/// Bytes of a cache with its slots.
pub const BYTES: usize = size_of::<Cache>() + 8 * SLOTS;

/// Adds to a counter that its thread alone changes, and others may read.
#[inline(always)]
pub fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

/// # Safety
/// The address is that of a slot of a cache.
#[inline(always)]
pub(super) unsafe fn slot(address: usize) -> &'static AtomicUsize {
    // SAFETY: slots are exposed, 8-aligned, and stay mapped.
    unsafe { pointer::to_ref(address) }
}

impl Head {
    /// The head of the calling thread's cache, or the one of nobody.
    #[inline(always)]
    pub(super) fn current() -> &'static Self {
        // SAFETY: the word leads to a cache, which stays mapped, or to what `thread` has in its place, which begins as one.
        unsafe { pointer::to_ref(thread::cache()) }
    }

    /// Whether the gate is open.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.gate.load(Relaxed) != CLOSED
    }

    /// The cache, if its gate is open.
    #[inline(always)]
    pub(super) fn open_cache(&self) -> Option<&'static Cache> {
        // SAFETY: the gate of nobody is never open.
        if is_set(&self.gate) { Some(unsafe { self.cache() }) } else { None }
    }

    /// The cache, if its gate is open and the gate's limit above a size in grains or a bin's distance.
    #[inline(always)]
    pub(super) fn cache_above(&self, value: usize) -> Option<&'static Cache> {
        // SAFETY: the gate of nobody is 0.
        if is_below(value, &self.gate) { Some(unsafe { self.cache() }) } else { None }
    }

    /// The cache that the head is of.
    ///
    /// # Safety
    /// It is not the head of nobody.
    #[inline(always)]
    pub(super) unsafe fn cache(&self) -> &'static Cache {
        // SAFETY: the head of a cache, which is exposed and stays mapped.
        unsafe { pointer::to_ref(core::ptr::from_ref(self).addr()) }
    }

    pub(super) fn near_leaf(&self) -> &'static LeafView {
        // SAFETY: near leafs stay.
        unsafe { pointer::to_ref(self.near_leaf.load(Relaxed)) }
    }

    /// The unit of an address that the near leaf shows.
    #[inline(always)]
    pub(super) fn near_unit(&self, address: usize) -> Option<Unit> {
        Unit::in_leaf(self.near_leaf(), address)
    }

    /// How far the bin for an object in the unit of `entry` is, if that is an object of a slab of the home arena; else no bin's distance, or
    /// that of the bin of no class.
    #[inline(always)]
    pub(super) fn distance(&self, entry: u64) -> usize {
        Entry::place(entry) ^ self.home.get()
    }
}

impl Cache {
    /// The calling thread's cache, if it has one.
    #[inline]
    pub fn mine() -> Option<&'static Self> {
        // SAFETY: it is not the head of nobody.
        (thread::cache() != thread::no_cache()).then(|| unsafe { Head::current().cache() })
    }

    /// Its address.
    pub fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Lays out new memory of zeroes as a cache, which nobody has seen yet. The gate is closed.
    pub fn begin(&self) {
        // SAFETY: the head of nobody.
        let nobody: &Head = unsafe { pointer::to_ref(thread::no_cache()) };
        self.head.near_leaf.store(nobody.near_leaf.load(Relaxed), Relaxed);
        for class in SizeClass::all() {
            let bin = self.bin(class);
            bin.magic.set(class.magic());
            bin.size.set(class.size());
            bin.top.store(self.slot_at(STACK_SLOTS[class.index()].near), Relaxed);
        }
        // The bin of no class is always empty: any lowest slot will do.
        self.bins[0].top.store(self.slot_at(0), Relaxed);
    }

    /// Makes it all zero, as new memory is, but for slots above the lowest of their class, where no stack is.
    pub fn wipe(&self) {
        let words = size_of::<Self>() / size_of::<usize>();
        // SAFETY: words of the cache, which are atomics.
        (0..words).for_each(|word| unsafe { slot(self.address() + word * size_of::<usize>()).store(0, Relaxed) });
    }

    /// Sends the cache to an arena. It is empty.
    pub fn set_home(&self, arena: usize) {
        self.head.home.set(home_place(arena));
    }

    /// The index of the home arena.
    pub fn home(&self) -> usize {
        self.head.home.get() / BINS_END
    }

    /// How a class's stack has been used.
    pub fn pace(&self, class: SizeClass) -> &Pace {
        &self.paces[class.index()]
    }

    /// The bin of a class.
    pub(super) fn bin(&self, class: SizeClass) -> &Bin {
        &self.bins[class.index()]
    }

    #[inline(always)]
    pub(super) fn bin_at(&self, distance: usize) -> &Bin {
        debug_assert!(distance < CLASSES * class::BIN && distance.is_multiple_of(class::BIN));
        // SAFETY: distances come from the table of classes or from a slab's entry: they are those of bins.
        unsafe { &*(&raw const self.bins).cast::<usize>().add(distance).cast() }
    }

    /// Whether the stack of the bin at a distance may be one object larger, `top` being where it is.
    #[inline(always)]
    pub(super) fn has_room(&self, distance: usize, top: usize) -> bool {
        // SAFETY: distances are those of bins.
        unsafe { is_below_at::<{ offset_of!(Self, bins) + offset_of!(Bin, end) }, _>(top, self, distance) }
    }

    /// The distance of the bin for a size in grains below the gate's limit.
    #[inline(always)]
    pub(super) fn distance_of(&self, grain: usize) -> usize {
        debug_assert!(grain < class::GRAINS);
        // SAFETY: an open gate is the length of the table.
        unsafe { entry_at::<{ offset_of!(Self, bins_of_grains) }, _>(self, grain) }
    }

    #[inline]
    pub(super) fn slot_at(&self, index: u32) -> usize {
        self.address() + size_of::<Self>() + 8 * index as usize
    }

    /// Lets the fast paths find their bins.
    pub(super) fn limit(&self) {
        for class in self.used() {
            self.bin(class).end.store(self.bottom(class) + 8 * self.capacity(class), Relaxed);
            self.show(class);
        }
    }

    pub(super) fn table(&self) -> &[AtomicU16] {
        &self.bins_of_grains[..GRAINS]
    }

    /// Lets the fast paths find the bin of a class, unless they are not to as the cache is armed.
    pub(super) fn show(&self, class: SizeClass) {
        if !self.is_armed_for(class) {
            let table = self.table();
            let grains = class.grains();
            let grains = grains.start.min(table.len())..grains.end.min(table.len());
            table[grains.clone()].iter().zip(&class::BINS[grains]).for_each(|(to, &from)| to.store(from, Relaxed));
        }
    }

    /// Whether it holds anything.
    pub fn holds_any(&self) -> bool {
        SizeClass::all().any(|class| !self.is_empty(class)) || !self.remote().is_empty()
    }

    /// Whether the stacks are where they were when this was asked last.
    pub fn is_unused(&self) -> bool {
        let tops = SizeClass::all().map(|class| self.bin(class).top.load(Relaxed));
        #[expect(clippy::cast_possible_truncation, reason = "only whether it changes matters")]
        let now = tops.fold(self.pushed() as usize, usize::wrapping_add);
        self.seen.swap(now, Relaxed) == now
    }

    /// Makes the leaf of the page map around an object the near leaf.
    pub fn aim(&self, object: usize) {
        let near_leaf = self.head.near_leaf();
        if object.wrapping_sub(near_leaf.start.get()) / UNIT < near_leaf.units.get() {
            return;
        }
        if let Some(near_leaf) = PAGE_MAP.leaf_view(object) {
            self.head.near_leaf.store(pointer::expose(near_leaf), Relaxed);
        }
    }

    /// Whether the gate is open: nobody is at work on the stacks.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.head.is_open()
    }

    /// Closes the gate.
    #[inline(always)]
    pub fn close(&self) {
        self.head.gate.store(CLOSED, Relaxed);
        light_fence();
    }

    /// Counts a call that was served without the stacks.
    #[inline(always)]
    pub fn count_elsewhere(&self, operation: Operation) {
        add(&self.elsewhere[operation as usize], 1);
    }

    /// Counts a free that is a part of a realloc.
    #[inline(always)]
    pub fn count_moved(&self) {
        add(&self.moved, 1);
    }

    /// Counts a call that the cache served.
    #[inline(always)]
    pub fn count_call(&self, operation: Operation) {
        add(&self.calls[operation as usize], 1);
    }

    /// Opens the gate.
    #[inline(always)]
    pub fn open(&self) {
        light_fence();
        self.head.gate.store(OPEN, Relaxed);
    }
}
