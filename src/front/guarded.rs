//! The pool of guarded blocks: each alone in its slot, between pages that nobody can touch.
//!
//! ```text
//!     | the pool's records | no access | slot | no access | slot | no access | ...        one reservation of address space
//!
//!     slot, right     | no access | .... canaries ....| block        |c|                  ends where the slot does, but for its alignment
//!     slot, left      | block        | .... canaries ....| no access |                    starts where the slot does
//!     no bytes        | ............ no access ............. block   |                    starts behind the slot
//! ```
//!
//! Only the pages that the block is on are accessible, and none after it was freed: whoever goes past the end of a page, or uses the
//! block after that, faults. What else of its pages is not the block is filled with canaries, which are looked at when it is freed. A
//! freed slot waits as long as there are others that have waited longer.
//!
//! There is no lock: a slot's state is one word, and who moves it to `BUSY` has the slot. Cut off anywhere (by a fork) it is lost.

#![allow(unsafe_code)]

use super::runtime;
use super::trailer::Facts;
use crate::base::align;
use crate::base::config::{GRAIN, UNIT};
use crate::base::family::Family;
use crate::sys::linux::{self, Linux};
use crate::sys::pages::{self, PageSource};
use crate::sys::{thread, unwind};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, Ordering::Relaxed};

/// Larger requests are not guarded.
pub const LARGEST: usize = 16 << 10;
/// Blocks that can be guarded at a time, with those that were freed.
pub const SLOTS: usize = 256;
/// Frames that are kept of a stack.
pub const DEPTH: usize = 16;
const CANARY: u8 = 0xc5;

const FREE: u64 = 0;
const BUSY: u64 = 1;
const USED: u64 = 2;
const STATE_BITS: u32 = 2;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;

static POOL: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut());

/// Who did something, and from where.
#[repr(C)]
pub struct Trace {
    /// The thread's number; 0 if nobody did it.
    pub thread: AtomicU32,
    depth: AtomicU32,
    frames: [AtomicUsize; DEPTH],
}

impl Trace {
    fn capture(&self) {
        let mut frames = [0; DEPTH];
        let depth = unwind::capture(&mut frames);
        self.frames.iter().zip(&frames[..depth]).for_each(|(to, &from)| to.store(from, Relaxed));
        #[expect(clippy::cast_possible_truncation, reason = "at most DEPTH")]
        self.depth.store(depth as u32, Relaxed);
        self.thread.store(thread::number(), Relaxed);
    }

    fn clear(&self) {
        self.thread.store(0, Relaxed);
    }

    /// The return addresses, innermost first, and how many there are.
    pub fn frames(&self) -> ([usize; DEPTH], usize) {
        let mut frames = [0; DEPTH];
        frames.iter_mut().zip(&self.frames).for_each(|(to, from)| *to = from.load(Relaxed));
        (frames, (self.depth.load(Relaxed) as usize).min(DEPTH))
    }
}

/// What is known of a slot's block, in use or freed last. Zero before there was one. `scripts/gdb-metes.py` knows this layout, and the pool's.
#[repr(C)]
pub struct Slot {
    block: AtomicUsize,
    size: AtomicUsize,
    /// What it was allocated by, and the alignment that was asked for.
    family: AtomicU8,
    align: AtomicUsize,
    /// The pages that were opened for it.
    from: AtomicUsize,
    to: AtomicUsize,
    /// The allocation.
    pub allocated: Trace,
    /// The free, if that has been.
    pub freed: Trace,
}

impl Slot {
    /// The block's address.
    pub fn block(&self) -> usize {
        self.block.load(Relaxed)
    }

    /// The bytes asked for.
    pub fn size(&self) -> usize {
        self.size.load(Relaxed)
    }

    /// What is known of a block in use, as a trailer would say it.
    pub fn facts(&self) -> Facts {
        Facts::new(self.size(), self.align.load(Relaxed), Family::of(self.family.load(Relaxed)))
    }

    /// Has any family take back a block of malloc's.
    pub fn open_to_any(&self) {
        let (malloc, any) = (Family::Malloc as u8, Family::Any as u8);
        let _ = self.family.compare_exchange(malloc, any, Relaxed, Relaxed);
    }

    /// How far an address is from the block's bytes; 0 if it is one of them.
    fn distance(&self, address: usize) -> usize {
        let (start, end) = (self.block(), self.block() + self.size());
        if address < start { start - address } else { (address + 1).saturating_sub(end) }
    }

    /// The opened pages but for the block, before it and behind.
    fn rest(&self) -> [(usize, usize); 2] {
        let (start, end) = (self.block(), self.block() + self.size());
        let (from, to) = (self.from.load(Relaxed), self.to.load(Relaxed));
        [(from, start - from), (end, to - end)]
    }

    fn write_canaries(&self) {
        for (start, len) in self.rest() {
            // SAFETY: opened just now, and nobody else's.
            unsafe { core::ptr::with_exposed_provenance_mut::<u8>(start).write_bytes(CANARY, len) };
        }
    }

    /// The same as `damage`, while another thread may be freeing the block: the kernel reads its pages, which may not be accessible any more.
    pub fn damage_meanwhile(&self) -> Option<usize> {
        let [before, behind] = self.rest();
        let mut piece = [0; 1 << 10];
        [behind, before].into_iter().find_map(|(start, len)| {
            (start..start + len).step_by(piece.len()).find_map(|at| {
                let wanted = piece.len().min(start + len - at);
                let got = linux::peek(at, &mut piece[..wanted]);
                piece[..got].iter().position(|&byte| byte != CANARY).map(|index| at + index)
            })
        })
    }

    /// The first byte behind the block that was written to, or else the last one before it.
    fn damage(&self) -> Option<usize> {
        let [before, behind] = self.rest().map(|(start, len)| {
            // SAFETY: open pages of ours, which the program should not write to any more.
            unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(start), len) }
        });
        // All at once, as the compiler does not do so for the search.
        let is_whole = |bytes: &[u8]| {
            let (chunks, rest) = bytes.as_chunks::<64>();
            chunks.iter().all(|chunk| *chunk == [CANARY; 64]) && rest.iter().all(|&byte| byte == CANARY)
        };
        if is_whole(before) && is_whole(behind) {
            return None;
        }
        let wrong = |byte: &u8| *byte != CANARY;
        let behind = behind.iter().position(wrong).map(|index| self.block() + self.size() + index);
        behind.or_else(|| before.iter().rposition(wrong).map(|index| self.from.load(Relaxed) + index))
    }
}

/// What an address of the pool is.
pub enum Found<'a> {
    /// The start of a block in use, whose slot has this index.
    Block(&'a Slot, usize),
    /// The start of a block that was freed.
    Freed(&'a Slot),
    /// Elsewhere in or next to a block in use.
    Near(&'a Slot),
    /// Elsewhere in or next to one that was freed.
    NearFreed(&'a Slot),
    /// No block was ever near.
    Nowhere,
}

/// What came of a free.
pub enum Freed<'a> {
    /// It is free.
    Done,
    /// It is, and a byte at this address, outside of it, had been written to.
    Damaged(&'a Slot, usize),
    /// Somebody has just freed it.
    Again(&'a Slot),
}

/// The pool. Its records are in pages of their own, at its start.
#[repr(C)]
pub struct Pool {
    start: AtomicUsize,
    len: AtomicUsize,
    /// The first slot.
    slots_start: AtomicUsize,
    /// Bytes of a slot: whole pages.
    slot_bytes: AtomicUsize,
    /// Counts blocks that were freed: the age of a slot.
    clock: AtomicU64,
    /// Slots that are free.
    free: AtomicUsize,
    /// Blocks so far.
    pub total: AtomicU64,
    /// The state in the low bits, and above when it got free.
    states: [AtomicU64; SLOTS],
    slots: [Slot; SLOTS],
}

/// The pool, if there is one.
#[inline]
pub fn pool() -> Option<&'static Pool> {
    // SAFETY: a pool that was published stays, and is only atomics.
    unsafe { POOL.load(Ordering::Acquire).as_ref() }
}

/// The pool, made now if there is none. `None` if there is no room for it.
pub fn make() -> Option<&'static Pool> {
    if let Some(pool) = pool() {
        return Some(pool);
    }
    let page = linux::page_size();
    let (records, slot) = (align::up(size_of::<Pool>(), page), align::up(LARGEST, page));
    let len = align::up(records + page + SLOTS * (slot + page), UNIT);
    let start = pages::reserve_aligned(&Linux, len, UNIT)?;
    // SAFETY: reserved just now, and nobody knows it.
    let give_back = || unsafe { Linux.unreserve(start, len) };
    if !linux::permit(start, records) {
        give_back();
        return None;
    }
    let address = core::ptr::with_exposed_provenance_mut::<Pool>(start);
    // SAFETY: zeroed memory of a pool's size, all of which is atomics, and nobody has seen it.
    let pool = unsafe { &*address };
    pool.start.store(start, Relaxed);
    pool.len.store(len, Relaxed);
    pool.slots_start.store(start + records + page, Relaxed);
    pool.slot_bytes.store(slot, Relaxed);
    pool.free.store(SLOTS, Relaxed);
    if POOL.compare_exchange(core::ptr::null_mut(), address, Ordering::AcqRel, Relaxed).is_err() {
        // Another thread was first.
        give_back();
    } else if !runtime::map_guarded(start, len) {
        // Who may have seen it has taken no block: guarding is not on yet.
        POOL.store(core::ptr::null_mut(), Ordering::Release);
        give_back();
    }
    self::pool()
}

impl Pool {
    /// Whether an address is in the pool.
    pub fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.start.load(Relaxed)) < self.len.load(Relaxed)
    }

    fn slot_bytes(&self) -> usize {
        self.slot_bytes.load(Relaxed)
    }

    /// From a slot to the next.
    fn stride(&self) -> usize {
        self.slot_bytes() + linux::page_size()
    }

    /// A block of `n` bytes aligned to `align`, a power of two, and at least to a grain. `None` if no slot is free, or it would not fit
    /// into one. `right` says at which end of its slot. It is not zero.
    pub fn take(&self, family: Family, n: usize, align: usize, right: bool) -> Option<usize> {
        // One of no bytes starts behind its slot: the page there serves, which nobody may touch.
        let (right, align) = (right || n == 0, align.max(GRAIN));
        if n > LARGEST || align > linux::page_size() || self.free.load(Relaxed) == 0 {
            return None;
        }
        let (index, state) = self.claim_oldest()?;
        let (slot, page) = (&self.slots[index], linux::page_size());
        let first = self.slots_start.load(Relaxed) + index * self.stride();
        let last = first + self.slot_bytes();
        let block = if right { align::down(last - n, align) } else { first };
        let (from, to) = if right { (align::down(block, page), last) } else { (first, align::up(first + n, page)) };
        if from != to && !linux::permit(from, to - from) {
            self.put(index, state);
            return None;
        }
        slot.block.store(block, Relaxed);
        slot.size.store(n, Relaxed);
        slot.align.store(align, Relaxed);
        slot.family.store(family as u8, Relaxed);
        slot.from.store(from, Relaxed);
        slot.to.store(to, Relaxed);
        slot.freed.clear();
        slot.allocated.capture();
        slot.write_canaries();
        self.total.fetch_add(1, Relaxed);
        self.states[index].store(USED, Ordering::Release);
        Some(block)
    }

    /// Whether a quarter of the slots is free: enough for others.
    pub fn has_many_free(&self) -> bool {
        self.free.load(Relaxed) > SLOTS / 4
    }

    /// The slot that has been free for longest, which is the caller's now, and its state before.
    fn claim_oldest(&self) -> Option<(usize, u64)> {
        const TRIES: usize = 4;
        (0..TRIES).find_map(|_| {
            let states = self.states.iter().map(|state| state.load(Relaxed)).enumerate();
            let (index, state) =
                states.filter(|(_, state)| state & STATE_MASK == FREE).min_by_key(|&(_, state)| state)?;
            let claimed = self.states[index].compare_exchange(state, BUSY, Ordering::Acquire, Relaxed).is_ok();
            claimed.then(|| {
                self.free.fetch_sub(1, Relaxed);
                (index, state)
            })
        })
    }

    fn put(&self, index: usize, state: u64) {
        self.free.fetch_add(1, Relaxed);
        self.states[index].store(state, Ordering::Release);
    }

    /// What stands at an address of the pool.
    pub fn find(&self, address: usize) -> Found<'_> {
        let (start, page) = (self.slots_start.load(Relaxed), linux::page_size());
        // The page before the first slot is next to that alone.
        let offset = if (start - page..start).contains(&address) { 0 } else { address.wrapping_sub(start) };
        if offset >= SLOTS * self.stride() {
            return Found::Nowhere;
        }
        let index = offset / self.stride();
        // On the page behind a slot the next one may be meant.
        let indices =
            if offset % self.stride() < self.slot_bytes() { index..index + 1 } else { index..(index + 2).min(SLOTS) };
        let known = indices.map(|index| (index, &self.slots[index])).filter(|(_, slot)| slot.block() != 0);
        let nearest = known.min_by_key(|(index, slot)| (slot.distance(address), self.state(*index) != USED));
        match nearest {
            None => Found::Nowhere,
            Some((index, slot)) => match (self.state(index), slot.block() == address) {
                (USED, true) => Found::Block(slot, index),
                (USED, false) => Found::Near(slot),
                (_, true) => Found::Freed(slot),
                (_, false) => Found::NearFreed(slot),
            },
        }
    }

    fn state(&self, index: usize) -> u64 {
        self.states[index].load(Ordering::Acquire) & STATE_MASK
    }

    /// Frees the block of a slot that was found in use.
    pub fn free(&self, index: usize) -> Freed<'_> {
        let slot = &self.slots[index];
        if self.states[index].compare_exchange(USED, BUSY, Ordering::Acquire, Relaxed).is_err() {
            return Freed::Again(slot);
        }
        slot.freed.capture();
        let damage = slot.damage();
        let (from, to) = (slot.from.load(Relaxed), slot.to.load(Relaxed));
        // Where the kernel refuses, it is freed all the same, and nobody who uses it is caught.
        let _ = from == to || linux::forbid(from, to - from);
        let age = self.clock.fetch_add(1, Relaxed) + 1;
        self.put(index, age << STATE_BITS | FREE);
        damage.map_or(Freed::Done, |at| Freed::Damaged(slot, at))
    }

    /// The slots of blocks in use.
    pub fn used(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| self.is_used(slot))
    }

    /// Whether a slot's block is in use.
    pub fn is_used(&self, slot: &Slot) -> bool {
        self.slots.element_offset(slot).is_some_and(|index| self.state(index) == USED)
    }
}
