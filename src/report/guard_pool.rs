//! The pool of guarded blocks. Each block is alone in its slot, between pages that cannot be touched.
//!
//! ```text
//!     | the pool's records | no access | slot | no access | slot | no access | ...    one reservation of address space
//!
//!     slot, right  | no access | .... canaries ....| block        |c|  ends where the slot does, but for its alignment
//!     slot, left   | block        | .... canaries ....| no access |    starts where the slot does
//!     no bytes     | ............ no access ............. block   |    starts behind the slot
//! ```
//!
//! Only the pages of the block are accessible, and none after it was freed. An access past the end of a
//! page, or to a freed block, faults. The rest of the block's pages is filled with canaries, which are
//! checked when it is freed. A freed slot waits as long as there are others that have waited longer.
//!
//! There is no lock. A slot's state is one word, and the thread that moves it to `BUSY` or `FREEING` has the
//! slot. If that thread is cut off meanwhile (by a fork), the slot is lost. Any thread may read what is known of
//! a slot's block: if the state has not changed, what was read is consistent. A block in use is freed only if it
//! is still the one that was read. So a pointer that is freed twice does not take the slot from the next block.

#![allow(unsafe_code)]

use super::guarded_block::{
    BUSY, DEPTH, FREE, FREEING, GuardedBlock, STATE_BITS, STATE_MASK, Trace, USED, describe_block,
};
use crate::base::config::{GRAIN, UNIT};
use crate::base::family::Family;
use crate::base::shared::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence};
use crate::base::{align, pointer};
use crate::process::statics;
use crate::sys::linux::Linux;
use crate::sys::pages::{self, PageSource};
use crate::sys::{mmap, thread};
use crate::trace::report::Detail;
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;
use system::{open, shut, stack};

#[cfg(feature = "models")]
mod models;

/// Larger requests are not guarded.
pub const LARGEST: usize = 16 << 10;
/// How many blocks can be guarded at a time, freed ones included. Models have little of everything:
/// each word is one more place at which threads may take turns.
pub const SLOTS: usize = if cfg!(feature = "models") { 2 } else { 256 };
/// How often the record of a block is read until it is consistent.
const PATIENCE: usize = if cfg!(feature = "models") { 3 } else { 100 };

/// The address of the pool; null where there is none.
pub static POOL: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut());

/// What the pool asks of the system.
#[cfg(not(feature = "models"))]
mod system {
    pub use crate::sys::mmap::{forbid as shut, permit as open};
    pub use crate::trace::unwind::capture as stack;
}

/// The same in models, where pages stay open: loom reports two threads that open or shut the same pages unordered.
#[cfg(feature = "models")]
mod system {
    pub use super::models::{open, shut, stack};
}

/// The calling thread and its stack.
fn capture() -> Trace {
    let mut frames = [0; DEPTH];
    stack(&mut frames);
    Trace { thread: thread::number(), frames }
}

/// The words of a `Trace`.
#[repr(C)]
pub(super) struct TraceWords {
    thread: AtomicU32,
    pub(super) frames: [AtomicUsize; DEPTH],
}

impl TraceWords {
    fn load(&self) -> Trace {
        Trace {
            thread: self.thread.load(Relaxed),
            frames: core::array::from_fn(|index| self.frames[index].load(Relaxed)),
        }
    }

    fn store(&self, trace: &Trace) {
        self.thread.store(trace.thread, Relaxed);
        self.frames.iter().zip(trace.frames).for_each(|(to, from)| to.store(from, Relaxed));
    }
}

/// The words that say what is known of a slot's block, in use or freed last. Zero before the first
/// block. `scripts/gdb-metes.py` knows this layout, and the pool's.
#[repr(C)]
pub(super) struct SlotRecord {
    pub(super) start: AtomicUsize,
    pub(super) size: AtomicUsize,
    family: AtomicU8,
    align: AtomicUsize,
    pub(super) allocated: TraceWords,
    freed: TraceWords,
}

/// What is at an address of the pool.
pub enum PoolLocation {
    /// The start of a block in use.
    Block(GuardedBlock),
    /// The start of a freed block.
    Freed(GuardedBlock),
    /// Another address in or next to a block in use.
    Near(GuardedBlock),
    /// Another address in or next to a freed block.
    NearFreed(GuardedBlock),
    /// No block was ever near, or the slot is being taken for another block.
    Nowhere,
}

/// How a free ended.
pub enum Freed {
    /// The block is free.
    Done,
    /// The block is free, and the byte at this address, outside of it, was written to.
    Damaged(usize),
    /// Another call has just freed the block.
    Again,
}

/// The pool. Its records are in pages of their own, at its start.
#[repr(C)]
pub struct Pool {
    start: AtomicUsize,
    len: AtomicUsize,
    /// Where the first slot starts.
    slots_start: AtomicUsize,
    /// Bytes of a slot: whole pages.
    slot_bytes: AtomicUsize,
    /// Counts the frees. The count gives a slot its age.
    clock: AtomicU64,
    /// How many slots are free.
    free: AtomicUsize,
    /// How many blocks were guarded so far.
    pub total: AtomicU64,
    /// The state in the low bits. Above it stands when the slot became free, which differs for each
    /// block: the same word again means the same block.
    pub(super) states: [AtomicU64; SLOTS],
    pub(super) slots: [SlotRecord; SLOTS],
}

/// The pool, if there is one.
#[inline]
pub fn pool() -> Option<&'static Pool> {
    // SAFETY: a pool that was published stays, and consists of atomics only.
    unsafe { POOL.load(Ordering::Acquire).as_ref() }
}

/// The pool, made now if there is none. `None` if there is no memory for it.
pub fn make() -> Option<&'static Pool> {
    if let Some(pool) = pool() {
        return Some(pool);
    }
    let [records, _, len] = Pool::lengths();
    let start = pages::reserve_aligned(&Linux, len, UNIT)?;
    // SAFETY: reserved just now, and no other code knows it.
    let give_back = || unsafe { Linux.unreserve(start, len) };
    if !mmap::permit(start, records) {
        give_back();
        return None;
    }
    let address = pointer::at_mut::<Pool>(start);
    // SAFETY: zeroed memory of a pool's size, all of which is atomics, and no other code has seen it.
    unsafe { &*address }.begin();
    // This comes before the pool is published: from then on threads may use it.
    let Some(record) = statics::map_guarded(start, len) else {
        give_back();
        return None;
    };
    if POOL.compare_exchange(core::ptr::null_mut(), address, Ordering::AcqRel, Relaxed).is_err() {
        // Another thread was first.
        statics::unmap_guarded(record);
        give_back();
    }
    self::pool()
}

impl Pool {
    /// Bytes of the records, of a slot, and of the whole pool.
    fn lengths() -> [usize; 3] {
        let page = mmap::page_size();
        let (records, slot) = (align::up(size_of::<Self>(), page), align::up(LARGEST, page));
        [records, slot, align::up(records + page + SLOTS * (slot + page), UNIT)]
    }

    /// Turns zeroes into the records of a pool that starts with them.
    fn begin(&self) {
        let ([records, slot, len], start) = (Self::lengths(), core::ptr::from_ref(self).addr());
        self.start.store(start, Relaxed);
        self.len.store(len, Relaxed);
        self.slots_start.store(start + records + mmap::page_size(), Relaxed);
        self.slot_bytes.store(slot, Relaxed);
        self.free.store(SLOTS, Relaxed);
    }

    /// Whether an address is in the pool.
    pub fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.start.load(Relaxed)) < self.len.load(Relaxed)
    }

    fn slot_bytes(&self) -> usize {
        self.slot_bytes.load(Relaxed)
    }

    /// From the start of a slot to the next.
    fn stride(&self) -> usize {
        self.slot_bytes() + mmap::page_size()
    }

    /// A block of `n` bytes, aligned to `align`, a power of two, and at least to a grain. `right` says at which end of
    /// its slot it stands. `None` if no slot is free, or the block would not fit into one. Its bytes are not zeroed.
    pub fn take(&self, family: Family, n: usize, align: usize, right: bool) -> Option<usize> {
        // A block of no bytes starts behind its slot: the page there serves, which cannot be touched.
        let (right, align) = (right || n == 0, align.max(GRAIN));
        if n > LARGEST || align > mmap::page_size() || self.free.load(Relaxed) == 0 {
            return None;
        }
        let (index, state) = self.claim_oldest()?;
        let (first, last) = self.ends(index);
        let start = if right { align::down(last - n, align) } else { first };
        let (from, to) = self.pages(index, start, n);
        if from != to && !open(from, to - from) {
            self.put(index, state);
            return None;
        }
        let block =
            GuardedBlock { index, state, start, size: n, family, align, from, to, allocated: capture(), freed: None };
        block.write_canaries();
        self.write(&block);
        self.total.fetch_add(1, Relaxed);
        self.states[index].store(state | USED, Ordering::Release);
        Some(start)
    }

    /// Where a slot starts and ends.
    fn ends(&self, index: usize) -> (usize, usize) {
        let first = self.slots_start.load(Relaxed) + index * self.stride();
        (first, first + self.slot_bytes())
    }

    /// The pages of a block of `n` bytes: to the end of its slot, unless the block starts where the slot does.
    fn pages(&self, index: usize, start: usize, n: usize) -> (usize, usize) {
        let ((first, last), page) = (self.ends(index), mmap::page_size());
        (align::down(start, page), if start == first { align::up(first + n, page) } else { last })
    }

    /// Whether more than a quarter of the slots is free: enough for others.
    pub fn has_many_free(&self) -> bool {
        self.free.load(Relaxed) > SLOTS / 4
    }

    /// Claims the slot that has been free for longest. Returns its index and its state before.
    fn claim_oldest(&self) -> Option<(usize, u64)> {
        const TRIES: usize = 4;
        (0..TRIES).find_map(|_| {
            let states = self.states.iter().map(|state| state.load(Relaxed)).enumerate();
            let (index, state) =
                states.filter(|(_, state)| state & STATE_MASK == FREE).min_by_key(|&(_, state)| state)?;
            let claimed = self.states[index].compare_exchange(state, state | BUSY, Ordering::Acquire, Relaxed).is_ok();
            claimed.then(|| {
                // A thread that reads what is written from here on sees that the state has changed.
                fence(Ordering::Release);
                self.free.fetch_sub(1, Relaxed);
                (index, state)
            })
        })
    }

    fn put(&self, index: usize, state: u64) {
        self.free.fetch_add(1, Relaxed);
        self.states[index].store(state, Ordering::Release);
    }

    /// What is at an address of the pool.
    pub fn find(&self, address: usize) -> PoolLocation {
        let (start, page) = (self.slots_start.load(Relaxed), mmap::page_size());
        // The page before the first slot is next to that slot alone.
        let offset = if (start - page..start).contains(&address) { 0 } else { address.wrapping_sub(start) };
        if offset >= SLOTS * self.stride() {
            return PoolLocation::Nowhere;
        }
        let index = offset / self.stride();
        // An address on the page behind a slot may be meant for the next one.
        let indices =
            if offset % self.stride() < self.slot_bytes() { index..index + 1 } else { index..(index + 2).min(SLOTS) };
        let nearest = indices
            .filter_map(|index| self.read(index))
            .min_by_key(|block| (block.distance(address), !block.is_used()));
        match nearest {
            None => PoolLocation::Nowhere,
            Some(block) => match (block.is_used(), block.start == address) {
                (true, true) => PoolLocation::Block(block),
                (true, false) => PoolLocation::Near(block),
                (false, true) => PoolLocation::Freed(block),
                (false, false) => PoolLocation::NearFreed(block),
            },
        }
    }

    fn write(&self, block: &GuardedBlock) {
        let slot = &self.slots[block.index];
        slot.start.store(block.start, Relaxed);
        slot.size.store(block.size, Relaxed);
        slot.align.store(block.align, Relaxed);
        slot.family.store(block.family as u8, Relaxed);
        slot.allocated.store(&block.allocated);
    }

    /// What is known of a slot's block, read consistently. `None` if there was no block, or the slot is being taken.
    fn read(&self, index: usize) -> Option<GuardedBlock> {
        let known = (0..PATIENCE).find_map(|_| {
            let known = self.look(index);
            if known.is_none() {
                core::hint::spin_loop();
            }
            known
        });
        known.filter(|block| block.start != 0)
    }

    /// The same, tried once. `None` if the slot is being taken, or its state has changed.
    fn look(&self, index: usize) -> Option<GuardedBlock> {
        let (state, slot) = (self.states[index].load(Ordering::Acquire), &self.slots[index]);
        if state & STATE_MASK == BUSY {
            return None;
        }
        let (start, size) = (slot.start.load(Relaxed), slot.size.load(Relaxed));
        let (family, align) = (Family::of(slot.family.load(Relaxed)), slot.align.load(Relaxed));
        let (from, to) = self.pages(index, start, size);
        let allocated = slot.allocated.load();
        let freed = (state & STATE_MASK == FREE).then(|| slot.freed.load());
        let block = GuardedBlock { index, state, start, size, family, align, from, to, allocated, freed };
        self.is_unchanged(&block).then_some(block)
    }

    /// Whether a block is still as it was when it was read.
    pub fn is_unchanged(&self, block: &GuardedBlock) -> bool {
        fence(Ordering::Acquire);
        self.states[block.index].load(Relaxed) == block.state
    }

    /// Frees a block that was found in use.
    pub fn free(&self, block: &GuardedBlock) -> Freed {
        let (state, age) = (&self.states[block.index], (self.clock.fetch_add(1, Relaxed) + 1) << STATE_BITS);
        // Relaxed, as what is known of the block was acquired with the state that was read.
        if state.compare_exchange(block.state, age | FREEING, Relaxed, Relaxed).is_err() {
            return Freed::Again;
        }
        self.slots[block.index].freed.store(&capture());
        let damage = block.damage();
        // If the kernel refuses, the block is freed all the same, and later accesses to it are not caught.
        let _ = block.from == block.to || shut(block.from, block.to - block.from);
        self.put(block.index, age | FREE);
        damage.map_or(Freed::Done, Freed::Damaged)
    }

    /// Lets any family free a block of malloc's that was found in use. The caller has the block.
    pub fn open_to_any(&self, block: &GuardedBlock) {
        let (malloc, any) = (Family::Malloc as u8, Family::Any as u8);
        let _ = self.slots[block.index].family.compare_exchange(malloc, any, Relaxed, Relaxed);
    }

    /// The blocks in use.
    pub fn used(&self) -> impl Iterator<Item = GuardedBlock> {
        (0..SLOTS).filter_map(|index| self.read(index)).filter(GuardedBlock::is_used)
    }
}

/// Adds what is known of the block at or around an address of the pool to a report.
pub fn describe(detail: &mut Detail, address: usize) {
    match pool().map(|pool| pool.find(address)) {
        Some(
            PoolLocation::Block(block)
            | PoolLocation::Freed(block)
            | PoolLocation::Near(block)
            | PoolLocation::NearFreed(block),
        ) => {
            describe_block(detail, &block);
        }
        Some(PoolLocation::Nowhere) | None => detail.line(format_args!("pool of guarded blocks")),
    }
}
