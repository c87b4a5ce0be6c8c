//! The thread cache: for each size class a stack of pointers to free objects, used by one thread alone.
//!
//! ```text
//!     cache pointer (TLS) -> | gate | home | near leaf | ... | bin | bin | bin | ...        one bin a size class
//!                                                            |
//!                                                | 0 | p | p | p |   |   |   |             its slots
//!                                                              top       end
//! ```
//!
//! The lowest slot holds 0, so the top slot of an empty stack reads 0. Each class has slots in two
//! places. The *near* slots are few and stand beside those of the other classes, so that small stacks
//! share pages, and their cache lines spread over all sets. The *far* slots are as many as the class may
//! ever need. A stack moves when its capacity changes.
//!
//! `pop` and `push` use no lock, no atomic instruction and no chain through the objects. All other cases go to the slow
//! paths: these fill an empty stack and flush a full one, a batch at a time, under the lock of the thread's home arena.
//! The stacks hold memory of that arena only. Objects of other arenas go home through the remote buffer, so a thread is
//! not given memory that shares cache lines with another arena's.
//!
//! **The key.** The second word of a free object holds a key, its address times an odd number, from `push` until the
//! object is handed out again. `push` looks for the key first: finding it means a double free. See `slab::key`.
//!
//! **The gate.** A signal handler may interrupt these functions anywhere and call them itself. The gate is closed
//! between reading a stack and writing it back. It is the limit that both functions compare with anyway. So a call that
//! comes in between takes the slow path, finds the gate closed, and is served by the arena or a mapping. None of this
//! concerns other threads, so the fences are for the compiler only.
//!
//! **Halting.** The helper empties the cache of a thread that sleeps. `halt` changes the table of bins and the stacks'
//! ends, and the fast paths close the gate before they read these. This costs the fast paths nothing.
//!
//! **Sampling** (`guard=N`) counts in a word that `push` increments anyway. The word starts below zero. When it reaches
//! zero, the processor's zero flag, which the addition has set, leads to `sample_due`. That *arms* the cache: it
//! empties the table of bins as `halt` does, for small sizes, so the next allocation takes the slow path and is guarded
//! there. This costs malloc nothing, and free a jump that is not taken.
//!
//! **Marks.** A slot inside a stack may hold 0. The next `pop` that comes to it takes the slow path, as if the stack were
//! empty. The object below is a sample of a profile: see `marks`.
//!
//! **The near leaf** is the leaf of the page map around the thread's objects. Nearly all objects are in it.
//!
//! **Fork** may cut a thread off anywhere. A pop is done once it has moved `top`. So is a push: its object is
//! in its slot by then. The child takes over the stacks of threads that are gone. It loses one object at
//! most, and never finds one that is in use.

#![allow(unsafe_code)]

use super::slots::{SLOTS, STACK_SLOTS};
use crate::base::arch::{is_below, is_set};
use crate::base::class::{self, CLASSES, SizeClass};
use crate::base::config::{CHECKED, UNIT};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::base::shared::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Unshared, light_fence};
use crate::heap::page_map::{LeafView, Unit};
use crate::process::statics::PAGE_MAP;
use crate::slab::slab::{BINS_END, Entry, home_place};
use crate::sys::{blind, thread};
use core::mem::offset_of;
use core::sync::atomic::Ordering::Relaxed;

/// The value of an open gate. The fast paths serve sizes in grains and distances of bins below it. A bin's
/// distance is counted in words from bin 0.
pub(super) const OPEN: usize = BINS_END;
pub(super) const CLOSED: usize = 0;

const _: () = assert!(OPEN == class::GRAINS);
const _: () = assert!(size_of::<Bin>() == class::BIN * size_of::<usize>() && offset_of!(Cache, head) == 0);
// `sys::tls` lays out the empty head and an empty near leaf behind it in the same way.
const _: () = assert!(offset_of!(Head, gate) == 0 && offset_of!(Head, near_leaf) == 16 && size_of::<Head>() == 24);
const _: () = assert!(size_of::<LeafView>() == 16 && align_of::<Cache>() == blind::CACHE_ALIGN);

/// The distance from here to a place is that of no bin.
const NO_HOME: usize = 1;

const _: () = assert!(class::BIN.is_multiple_of(2));

/// How many objects of other arenas are collected before they go home.
pub const REMOTE: usize = 128;

/// The most scopes that a thread is in at a time: see `scopes`.
pub(super) const SCOPES: usize = 8;

pub(super) const HALTED: u32 = 1;
pub(super) const LEFT: u32 = 2;
/// Not halted: the next allocation is to take the slow path.
pub(super) const ARMED: u32 = 3;
/// Not halted: allocations are sampled for a profile. Those of sizes without marks take the slow path: see `marks`.
pub(super) const COUNTED: u32 = 4;

/// How many words of the table of bins halting goes through: few in models, where threads may switch at each word.
pub(super) const PLACES: usize = if cfg!(feature = "models") { 2 } else { class::PLACES };

pub(super) fn classes() -> impl Iterator<Item = SizeClass> {
    SizeClass::all().take(if cfg!(feature = "models") { 2 } else { CLASSES })
}

/// The stack of one size class.
#[repr(C)]
pub struct Bin {
    /// The address of the top slot. It holds the object that is handed out next, or 0.
    pub(super) top: AtomicUsize,
    /// The address of the last slot that may be used; 0 while the cache is halted.
    pub(super) end: AtomicUsize,
    /// See `SizeClass::magic`.
    pub(super) magic: Unshared<u64>,
    /// Bytes of an object.
    pub(super) size: Unshared<usize>,
}

impl Bin {
    /// Whether an object of this class starts at `address`, in `unit`, and has left its arena at least once.
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
    /// The low bits of `top` in slots at the last call of `is_idle`.
    pub(super) seen: AtomicU16,
}

/// The words that the fast paths read before they know that there is a cache. A thread without a cache has the *empty
/// head* in `sys::tls`, whose gate is never open.
#[repr(C)]
pub struct Head {
    pub(super) gate: AtomicUsize,
    /// The home arena in the form of `Entry::place`. Written before the thread has the cache.
    pub(super) home: Unshared<usize>,
    /// The address of the near leaf.
    pub(super) near_leaf: AtomicUsize,
}

/// A thread's cache. Its slots stand behind it. The thread that owns it, and its signal handlers, use its words. It
/// changes hands through a word in its room (see `rooms`), and after a fork.
///
/// A thread that needs few small objects touches two pages of it: the first, which ends in the part of
/// the table of bins for small sizes, and one of slots. The table is zero at first, and a class's entries
/// are filled in when the class is first used.
#[repr(C, align(64))]
pub struct Cache {
    pub(super) head: Head,
    /// Objects that frees have brought, less `pushed_base`. The next sample is due at zero.
    pub(super) pushed: AtomicU64,
    /// Calls of the thread that were served without the stacks.
    pub elsewhere: [AtomicU64; Operation::COUNT],
    /// Calls that the cache served, by `Operation as usize`. Mallocs are not counted one by one: see `count`.
    pub calls: [AtomicU64; Operation::COUNT],
    /// Frees that are a part of a realloc.
    pub moved: AtomicU64,
    /// How often the thread has been told that it is ending.
    pub endings: AtomicU32,
    /// Objects that fills have brought.
    pub filled: AtomicU64,
    /// Objects that flushes have taken away.
    pub flushed: AtomicU64,
    /// Objects that have gone home through the remote buffer.
    pub sent_home: AtomicU64,
    /// The capacities of all stacks above their minimum, in bytes of objects.
    pub(super) grown: AtomicUsize,
    /// The class that was last asked to give up slots.
    pub(super) victim: AtomicUsize,
    /// `HALTED` while another thread empties the cache; `LEFT` when that is done and the thread still
    /// has to let itself go on; or `ARMED`, or `COUNTED`.
    pub(super) halted: AtomicU32,
    /// See `pushed`.
    pub(super) pushed_base: AtomicU64,
    /// Odd while `pushed` and `pushed_base` change together.
    pub(super) pushed_changes: AtomicU32,
    /// Samples that are due.
    pub(super) samples: AtomicU32,
    /// The rate that the counter was set for; 0 if it only counts.
    pub(super) rate: AtomicUsize,
    /// The millisecond of the last sample.
    pub(super) sampled_at: AtomicU64,
    /// The state of a generator of random numbers.
    pub(super) random: AtomicU64,
    /// Bytes that the slow path may serve or bring before the next one is a sample of a profile: see `marks`.
    pub(super) profile_left: AtomicUsize,
    /// The rate that samples are chosen for; 0 for none.
    pub(super) profile_rate: AtomicUsize,
    /// The largest size whose objects are marked; 0 for none.
    pub(super) marked_most: AtomicUsize,
    /// Which push of its turn was chosen last.
    pub(super) turn: AtomicU32,
    /// Frees of objects outside the near leaf.
    pub(super) not_near: AtomicUsize,
    /// What `is_unused` saw at its last call.
    pub(super) seen: AtomicUsize,
    /// The home in the same form as in the head, if sized deletes may use the cache. Else an odd number, which makes
    /// every distance that of no bin.
    pub(super) home_of_deletes: Unshared<usize>,
    /// The address of the last slot of `remote` that is used: of the word before it if none is.
    pub(super) remote_top: AtomicUsize,
    /// The address of the last slot of `remote`; 0 while the cache is halted.
    pub(super) remote_end: AtomicUsize,
    pub(super) paces: [Pace; CLASSES],
    /// How many marks are in each stack.
    pub(super) marks: [AtomicU16; CLASSES],
    pub(super) bins: [Bin; CLASSES],
    /// A copy of `class::BINS` for the classes in use: saves the computation of an address. All 0, the distance of the
    /// bin of no class, while the cache is halted.
    pub(super) bins_of_grains: [AtomicU16; class::PLACES],
    pub(super) remote: [AtomicUsize; REMOTE],
    /// The heaps of the scopes that the thread is in, and how many these are: see `scopes`.
    pub(super) scopes: [AtomicUsize; SCOPES],
    pub(super) scope_depth: AtomicUsize,
}

/// The first 256 words of the table, for sizes up to 256 grains, are on the first page.
const _: () = assert!(offset_of!(Cache, bins_of_grains) + 2 * 256 <= 4096);

/// How many bytes of objects the stacks of all caches may hold above their minimum.
pub(super) const BUDGET: usize = 32 << 20;
/// The most and the least that the stacks of one cache share of that.
pub(super) const SHARE_MAX: usize = 8 << 20;
pub(super) const SHARE_MIN: usize = 1 << 20;

/// Bytes of a cache with its slots.
pub const BYTES: usize = size_of::<Cache>() + 8 * SLOTS;

/// Adds to a counter that only its own thread changes, and others may read.
#[inline(always)]
pub fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

/// # Safety
/// `address` is that of a slot of a cache.
#[inline(always)]
pub(super) unsafe fn slot(address: usize) -> &'static AtomicUsize {
    // SAFETY: slots are exposed, 8-aligned, and stay mapped.
    unsafe { pointer::to_ref(address) }
}

impl Head {
    /// The head of the calling thread's cache, or the empty head.
    #[inline(always)]
    pub(super) fn current() -> &'static Self {
        // SAFETY: the word leads to a cache, which stays mapped, or to the empty head.
        unsafe { pointer::to_ref(thread::cache()) }
    }

    /// Whether the gate is open.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.gate.load(Relaxed) != CLOSED
    }

    /// The cache, if its gate is open.
    #[inline(always)]
    pub fn open_cache(&self) -> Option<&'static Cache> {
        // SAFETY: the gate of the empty head is never open.
        if is_set(&self.gate) { Some(unsafe { self.cache() }) } else { None }
    }

    /// The cache, if its gate is open and `value`, a size in grains or a bin's distance, is below the gate's limit.
    #[inline(always)]
    pub(super) fn cache_above(&self, value: usize) -> Option<&'static Cache> {
        // SAFETY: the gate of the empty head is 0.
        if is_below(value, &self.gate) { Some(unsafe { self.cache() }) } else { None }
    }

    /// The cache that the head is part of.
    ///
    /// # Safety
    /// It is not the empty head.
    #[inline(always)]
    pub(super) unsafe fn cache(&self) -> &'static Cache {
        // SAFETY: the head of a cache, which is exposed and stays mapped.
        unsafe { pointer::to_ref(core::ptr::from_ref(self).addr()) }
    }

    #[inline(always)]
    pub(super) fn near_leaf(&self) -> &'static LeafView {
        // SAFETY: leaves are never unmapped, and neither is the empty one.
        unsafe { pointer::to_ref(self.near_leaf.load(Relaxed)) }
    }

    /// The unit of an address, if the near leaf shows it.
    #[inline(always)]
    pub(super) fn near_unit(&self, address: usize) -> Option<Unit> {
        Unit::in_leaf(self.near_leaf(), address)
    }

    /// The distance of the bin for objects in the unit of `entry`, if a slab of the home arena is there. Otherwise no
    /// bin's distance, or that of the bin of no class.
    #[inline(always)]
    pub(super) fn distance(&self, entry: u64) -> usize {
        Entry::place(entry) ^ self.home.get()
    }
}

impl Cache {
    /// The calling thread's cache, if it has one, also behind a blind head.
    #[inline]
    pub fn mine() -> Option<&'static Self> {
        let address = blind::behind(thread::cache());
        // SAFETY: the address of a cache, which is exposed and stays mapped.
        (address != 0).then(|| unsafe { pointer::to_ref(address) })
    }

    /// The cache's address.
    pub fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Lays out zeroed memory that no other thread has seen yet as a cache. The gate is closed.
    pub fn begin(&self) {
        // SAFETY: the empty head.
        let nobody: &Head = unsafe { pointer::to_ref(thread::no_cache()) };
        self.head.near_leaf.store(nobody.near_leaf.load(Relaxed), Relaxed);
        for class in SizeClass::all() {
            let bin = self.bin(class);
            bin.magic.set(class.magic());
            bin.size.set(class.size());
            bin.top.store(self.slot_at(STACK_SLOTS[class.index()].near), Relaxed);
        }
        // The bin of no class is always empty: any class's lowest slot will do.
        self.bins[0].top.store(self.slot_at(0), Relaxed);
        self.set_remote_count(0);
        self.limit_remote();
    }

    /// Zeroes the cache, as new memory is. The slots keep what they hold: the lowest of each class is
    /// 0, and no stack reaches the others.
    pub fn wipe(&self) {
        let words = size_of::<Self>() / size_of::<usize>();
        // SAFETY: words of the cache, which are atomics.
        (0..words).for_each(|word| unsafe { slot(self.address() + word * size_of::<usize>()).store(0, Relaxed) });
    }

    /// Makes an arena the cache's home. The cache is empty.
    pub fn set_home(&self, arena: usize) {
        self.head.home.set(home_place(arena));
        self.home_of_deletes.set(NO_HOME);
    }

    /// Lets sized deletes use the cache: the program has no `operator delete` of its own. Called by the cache's thread.
    pub fn serve_deletes(&self) {
        self.home_of_deletes.set(self.head.home.get());
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

    #[inline]
    pub(super) fn slot_at(&self, index: u32) -> usize {
        self.address() + size_of::<Self>() + 8 * index as usize
    }

    /// Sets the stacks' ends and the table of bins, so that the fast paths find their bins.
    pub(super) fn limit(&self) {
        for class in self.used() {
            self.bin(class).end.store(self.bottom(class) + 8 * self.capacity(class), Relaxed);
            self.show(class);
        }
        self.limit_remote();
    }

    /// Whether the stacks or the remote buffer hold anything.
    pub fn holds_any(&self) -> bool {
        SizeClass::all().any(|class| !self.is_empty(class)) || !self.remote().is_empty()
    }

    /// Makes the leaf of the page map around `object` the near leaf.
    pub fn aim(&self, object: usize) {
        let near_leaf = self.head.near_leaf();
        if object.wrapping_sub(near_leaf.start.get()) / UNIT < near_leaf.units.get() {
            return;
        }
        if let Some(near_leaf) = PAGE_MAP.leaf_view(object) {
            self.head.near_leaf.store(pointer::expose(near_leaf), Relaxed);
        }
    }

    /// Whether the gate is open: no call is at work on the stacks.
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
