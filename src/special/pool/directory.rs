//! A pool's slabs: in the order of their addresses, with a bit for each that has room; by address; and by number.
//!
//! All stands in one block, for a fixed number of slabs: who has more makes a larger one, and moves.

#![allow(unsafe_code)]

use super::slab::{Slab, SlabRef};
use crate::special::levels::{self, Levels};
use crate::special::memory::Memory;
use core::ffi::CStr;
use core::ptr::{NonNull, null_mut};

/// A slab by the key that it is found by, which is 0 if there is none.
#[derive(Clone, Copy)]
struct Listed {
    key: usize,
    slab: *mut Slab,
}

const NONE: Listed = Listed { key: 0, slab: null_mut() };
/// The key of the slab that starts at an address: no address has that of none.
#[inline(always)]
const fn key(start: usize) -> usize {
    start | 1
}

/// What keys are multiplied with: 2^64 over the golden ratio, so that neighbours stand far apart.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The window has so many places for each slab that there is room for.
const NEAR: usize = 8;
/// The smallest table.
const CAPACITY_MIN: usize = 16;

/// The slabs.
pub struct Directory {
    capacity: usize,
    len: usize,
    /// `capacity` of them, by address: an array that is sorted.
    sorted: *mut SlabRef,
    /// Which of these have room.
    room: Levels,
    /// A table of `2 * capacity` entries, or more, by the hash of their address.
    table: *mut Listed,
    /// 64 less the power of two that the table's length is.
    shift: u32,
    /// `capacity` of them, by number.
    numbers: *mut Listed,
    /// The window, `NEAR * capacity` places: the first is that of the slab that would start at `near_from`, and null if
    /// there is none, the next that of the slab behind it. All slabs are in there, or it has no places: a look that finds
    /// some and not others would cost more than the table.
    near: *mut *mut Slab,
    near_places: usize,
    near_from: usize,
    /// The power of two that slabs are aligned to.
    slab_shift: u32,
}

impl Directory {
    /// An empty one with room for `capacity` slabs, or a few more, each aligned to `slab_bytes`.
    pub fn new(capacity: usize, slab_bytes: usize) -> Option<Self> {
        let capacity = capacity.max(CAPACITY_MIN).checked_next_power_of_two()?;
        let words = levels::words_for(capacity);
        let each = 3 * size_of::<Listed>() + (1 + NEAR) * size_of::<SlabRef>();
        let bytes = capacity.checked_mul(each)? + words * size_of::<u64>();
        let block = Memory::Process.allocate(bytes, align_of::<Listed>())?;
        // SAFETY: the block has so many bytes; its parts stand one behind the other.
        unsafe {
            block.write_bytes(0, bytes);
            let table: *mut Listed = block.as_ptr().cast();
            let numbers = table.add(2 * capacity);
            let sorted: *mut SlabRef = numbers.add(capacity).cast();
            let near = sorted.add(capacity).cast();
            let room = Levels::new(sorted.add((1 + NEAR) * capacity).cast(), capacity);
            let (shift, slab_shift) = (64 - (2 * capacity).ilog2(), slab_bytes.ilog2());
            Some(Self {
                capacity,
                len: 0,
                sorted,
                room,
                table,
                shift,
                numbers,
                near,
                near_places: NEAR * capacity,
                near_from: 0,
                slab_shift,
            })
        }
    }

    /// Gives its block back. The slabs stay.
    ///
    /// # Safety
    /// Nobody uses it any more.
    pub unsafe fn release(&mut self) {
        // SAFETY: the table begins the block; and the caller's promise.
        unsafe { Memory::Process.release(NonNull::new_unchecked(self.table.cast())) };
    }

    /// Takes over what another one has; this one is empty, and larger.
    pub fn adopt(&mut self, other: &Self) {
        for rank in 0..other.len {
            let slab = other.at(rank);
            // SAFETY: the slabs of a directory are there.
            let Slab { start, id, .. } = *unsafe { slab.as_ref() };
            let entry = Listed { key: key(start), slab: slab.as_ptr() };
            // SAFETY: both have room for so many.
            unsafe {
                *self.sorted.add(rank) = slab;
                *self.numbers.add(id) = entry;
            }
            self.put(entry);
            if other.room.get(rank) {
                self.room.set(rank);
            }
        }
        self.len = other.len;
        for rank in 0..self.len {
            self.enter_near(self.at(rank));
        }
    }

    /// For how many slabs there is room.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many slabs there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The slab of a rank below `len`.
    #[inline(always)]
    pub fn at(&self, rank: usize) -> SlabRef {
        assert!(rank < self.len);
        // SAFETY: so many are there.
        unsafe { *self.sorted.add(rank) }
    }

    #[inline(always)]
    fn slot(&self, key: usize) -> usize {
        ((key as u64).wrapping_mul(ODD) >> self.shift) as usize
    }

    /// The slab that an address is in, which would start at `start`, if it is where one look finds it.
    #[inline(always)]
    pub fn find_quickly(&self, address: usize, start: usize) -> Option<SlabRef> {
        if self.near_places != 0 {
            return self.find_near(address);
        }
        let key = key(start);
        // SAFETY: a slot lies in the table; what has a key has a slab.
        unsafe {
            let entry = *self.table.add(self.slot(key));
            if entry.key == key { Some(NonNull::new_unchecked(entry.slab)) } else { None }
        }
    }

    /// The slab that an address is in, if it is in the window.
    #[inline(always)]
    fn find_near(&self, address: usize) -> Option<SlabRef> {
        // SAFETY: a place lies in the window.
        NonNull::new(unsafe { *self.place_near(address)? })
    }

    /// The place in the window of the slab that an address is in.
    #[inline(always)]
    fn place_near(&self, address: usize) -> Option<*mut *mut Slab> {
        let place = address.wrapping_sub(self.near_from) >> self.slab_shift;
        // SAFETY: so many places are there.
        if place < self.near_places { Some(unsafe { self.near.add(place) }) } else { None }
    }

    /// Enters a slab of the directory in the window, which moves if the slab is not in there, and is closed if it cannot
    /// have all slabs.
    fn enter_near(&mut self, slab: SlabRef) {
        if self.near_places == 0 {
            return;
        }
        // SAFETY: the slabs of a directory are there.
        let start = |slab: SlabRef| unsafe { slab.as_ref() }.start;
        if let Some(place) = self.place_near(start(slab)) {
            // SAFETY: a place lies in the window.
            unsafe { *place = slab.as_ptr() };
            return;
        }
        let (low, high) = (start(self.at(0)), start(self.at(self.len - 1)));
        let Some(spare) = self.near_places.checked_sub(((high - low) >> self.slab_shift) + 1) else {
            self.near_places = 0;
            return;
        };
        self.near_from = low.saturating_sub((spare / 2) << self.slab_shift);
        // SAFETY: so many places are there.
        unsafe { self.near.write_bytes(0, self.near_places) };
        self.enter_all_near();
    }

    fn enter_all_near(&mut self) {
        for rank in 0..self.len {
            let slab = self.at(rank);
            // SAFETY: the slabs of a directory are there.
            if let Some(place) = self.place_near(unsafe { slab.as_ref() }.start) {
                // SAFETY: a place lies in the window.
                unsafe { *place = slab.as_ptr() };
            }
        }
    }

    /// The slab that starts at an address.
    pub fn find(&self, start: usize) -> Option<SlabRef> {
        let (mask, key) = (2 * self.capacity - 1, key(start));
        let slots = (0..=mask).map(|step| (self.slot(key) + step) & mask);
        // SAFETY: a slot lies in the table.
        let mut entries = slots.map(|slot| unsafe { *self.table.add(slot) }).take_while(|entry| entry.key != 0);
        entries.find(|entry| entry.key == key).and_then(|entry| NonNull::new(entry.slab))
    }

    fn put(&mut self, entry: Listed) {
        let mask = 2 * self.capacity - 1;
        let mut slot = self.slot(entry.key);
        // SAFETY: a slot lies in the table; at least half of it is empty.
        unsafe {
            while (*self.table.add(slot)).key != 0 {
                slot = (slot + 1) & mask;
            }
            *self.table.add(slot) = entry;
        }
    }

    /// Takes an entry out of the table, and closes the gap: those behind it that would not be found any more move up.
    fn take(&mut self, key: usize) {
        let mask = 2 * self.capacity - 1;
        let mut slot = self.slot(key);
        // SAFETY: a slot lies in the table; the entry is there, and there is an empty one.
        unsafe {
            while (*self.table.add(slot)).key != key {
                slot = (slot + 1) & mask;
            }
            let mut gap = slot;
            loop {
                slot = (slot + 1) & mask;
                let entry = *self.table.add(slot);
                if entry.key == 0 {
                    break;
                }
                let home = self.slot(entry.key);
                if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(gap) & mask) {
                    *self.table.add(gap) = entry;
                    gap = slot;
                }
            }
            *self.table.add(gap) = NONE;
        }
    }

    #[inline(always)]
    fn listed(&self, id: usize) -> Listed {
        // SAFETY: so many are there.
        if id < self.capacity { unsafe { *self.numbers.add(id) } } else { NONE }
    }

    /// Where the slab of a number starts.
    #[inline(always)]
    pub fn numbered(&self, id: usize) -> Option<usize> {
        self.listed(id).key.checked_sub(1)
    }

    /// The slab of a number.
    #[inline(always)]
    pub fn numbered_slab(&self, id: usize) -> Option<SlabRef> {
        NonNull::new(self.listed(id).slab)
    }

    /// How many slabs start below an address.
    #[inline(never)]
    pub fn rank_of(&self, start: usize) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            // SAFETY: the slabs of a directory are there.
            if unsafe { self.at(middle).as_ref() }.start < start {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Adds a slab, all of whose objects are free. There is room for it.
    pub fn insert(&mut self, slab: SlabRef) {
        assert!(self.len < self.capacity);
        // SAFETY: the caller has the slab.
        let record = unsafe { &mut *slab.as_ptr() };
        let rank = self.rank_of(record.start);
        (record.hint, record.id) = (rank, self.free_number());
        let entry = Listed { key: key(record.start), slab: slab.as_ptr() };
        // SAFETY: there is room for one more; and see `free_number`.
        unsafe {
            let at = self.sorted.add(rank);
            at.copy_to(at.add(1), self.len - rank);
            *at = slab;
            *self.numbers.add(record.id) = entry;
        }
        self.put(entry);
        self.room.insert(rank);
        self.room.set(rank);
        self.len += 1;
        self.enter_near(slab);
    }

    /// The lowest number that no slab has; mostly that behind them all.
    fn free_number(&self) -> usize {
        let is_free = |id: &usize| self.numbered(*id).is_none();
        if is_free(&self.len) { self.len } else { (0..self.capacity).find(is_free).unwrap_or(self.len) }
    }

    /// Takes out the slab of a rank.
    pub fn remove(&mut self, rank: usize) {
        let slab = self.at(rank);
        // SAFETY: the slabs of a directory are there.
        let Slab { start, id, .. } = *unsafe { slab.as_ref() };
        // SAFETY: so many stand behind it; and its number is its own.
        unsafe {
            let at = self.sorted.add(rank);
            at.copy_from(at.add(1), self.len - rank - 1);
            *self.numbers.add(id) = NONE;
        }
        self.take(key(start));
        if let Some(place) = self.place_near(start) {
            // SAFETY: a place lies in the window.
            unsafe { *place = null_mut() };
        }
        self.room.remove(rank);
        self.len -= 1;
    }

    /// The rank of a slab.
    #[inline(always)]
    fn rank(&self, slab: SlabRef) -> usize {
        // SAFETY: the caller has the slab.
        let record = unsafe { &mut *slab.as_ptr() };
        if record.hint >= self.len || self.at(record.hint) != slab {
            record.hint = self.rank_of(record.start);
        }
        record.hint
    }

    /// Says that a slab has room. True.
    #[inline(never)]
    pub fn set_room(&mut self, slab: SlabRef) -> bool {
        self.room.set(self.rank(slab));
        true
    }

    /// Says that a slab has no room.
    #[inline]
    pub fn clear_room(&mut self, slab: SlabRef) {
        self.room.clear(self.rank(slab));
    }

    /// The lowest slab that has room.
    #[inline]
    pub fn first_with_room(&self) -> Option<usize> {
        self.room.first()
    }

    /// Whether a slab is among those that have room.
    pub fn has_room(&self, rank: usize) -> bool {
        self.room.get(rank)
    }

    /// The first rule of its own that is broken.
    pub fn check(&self) -> Result<(), &'static CStr> {
        let (mut below, mut near) = (0, 0);
        for rank in 0..self.len {
            let slab = self.at(rank);
            // SAFETY: the slabs of a directory are there.
            let Slab { start, id, .. } = *unsafe { slab.as_ref() };
            if start <= below {
                return Err(c"pool: slabs are not in the order of their addresses");
            }
            below = start;
            if self.find(start) != Some(slab) {
                return Err(c"pool: a slab is not found by its address");
            }
            if self.near_places != 0 && self.find_near(start) != Some(slab) {
                return Err(c"pool: a slab is not in the window");
            }
            near += usize::from(self.near_places != 0);
            if self.listed(id).slab != slab.as_ptr() {
                return Err(c"pool: a slab is not found by its number");
            }
        }
        // SAFETY: so many places are there.
        if (0..self.near_places).filter(|&place| !unsafe { *self.near.add(place) }.is_null()).count() != near {
            return Err(c"pool: the window has a slab that is not the pool's");
        }
        if !self.room.is_sound() || (self.len..self.capacity).any(|rank| self.room.get(rank)) {
            return Err(c"pool: the bitmap of slabs with room is broken");
        }
        Ok(())
    }
}
