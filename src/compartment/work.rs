//! What compartments do: entering one, serving, taking back, destroying.
//!
//! A shared one has a lock. One for a single thread has a word that says that the thread is at work, so that a signal
//! handler which interrupted it is turned away. Whoever is turned away gets no memory, and what it frees waits in a
//! chain for the next that comes in.

#![allow(unsafe_code)]

use super::small::{Damaged, SMALL};
use super::table::{ALONE, BUSY, Compartment, Handle, Inside, SHARED};
use super::{patience, ranges, table};
use crate::base::code::Code;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK};
use crate::heap::heap::BlockMisuse;
use crate::heap::range_record::RangeRecord;
use crate::heap::{block, headers};
use crate::process::statics::PAGE_MAP;
use crate::slab::key;
use crate::sys::thread;
use crate::trace::report;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::compiler_fence;
use lock_api::RawMutex;

/// A compartment that the calling thread is in.
pub struct Entered {
    compartment: &'static Compartment,
    how: How,
}

/// How a thread came in.
#[derive(Clone, Copy)]
enum How {
    /// Into a compartment for a single thread.
    Alone,
    /// With the lock. The thread was in an operation before, or was not.
    Locked(bool),
}

/// What came of a free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freed {
    /// Done: a block of so many bytes.
    Yes(usize),
    /// Nothing was done.
    Wrong(BlockMisuse),
}

impl Compartment {
    /// Lets the calling thread in; `None` if it may not wait for whoever is in: a signal handler interrupted that, or a
    /// fork is under way.
    #[inline(always)]
    pub fn enter(&'static self) -> Option<Entered> {
        if self.gate.load(Relaxed) == ALONE {
            self.gate.store(BUSY, Relaxed);
            compiler_fence(core::sync::atomic::Ordering::SeqCst);
            if self.deferred.load(Relaxed) == 0 {
                return Some(Entered { compartment: self, how: How::Alone });
            }
            self.gate.store(ALONE, Relaxed);
        }
        self.enter_slowly()
    }

    #[inline(never)]
    fn enter_slowly(&'static self) -> Option<Entered> {
        let how = match self.gate.load(Relaxed) {
            BUSY => return None,
            ALONE => {
                self.gate.store(BUSY, Relaxed);
                How::Alone
            }
            _ => return self.enter_shared(),
        };
        self.begin_inside(how)
    }

    /// The same, and not into one for a single thread, nor into one that was destroyed meanwhile: for callers that have found
    /// it among all others.
    pub fn enter_shared(&'static self) -> Option<Entered> {
        let how = self.take_lock()?;
        if self.is_live() && self.gate.load(Relaxed) == SHARED {
            return self.begin_inside(how);
        }
        drop(Entered { compartment: self, how });
        None
    }

    fn begin_inside(&'static self, how: How) -> Option<Entered> {
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        let mut entered = Entered { compartment: self, how };
        if self.deferred.load(Relaxed) != 0 {
            entered.free_deferred();
        }
        Some(entered)
    }

    fn take_lock(&self) -> Option<How> {
        let was_inside = thread::set_in_operation(true);
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        let taken = if was_inside || thread::is_forking() { self.lock.try_lock() } else { patience::take(&self.lock) };
        if !taken {
            thread::set_in_operation(was_inside);
            return None;
        }
        Some(How::Locked(was_inside))
    }

    /// The same for the compartment of a handle; `None` also where that is not live, which is reported.
    #[inline(always)]
    pub fn enter_by(handle: Handle, call: &str) -> Option<Entered> {
        let found = table::at(handle.index()).filter(|compartment| compartment.is_of(handle));
        let Some(compartment) = found else {
            not_live(handle, call);
            return None;
        };
        let entered = compartment.enter()?;
        match entered.how {
            // Another thread may have destroyed it meanwhile.
            How::Locked(_) if !compartment.is_of(handle) => not_live_after(entered, handle, call),
            _ => Some(entered),
        }
    }

    /// Leaves a block for the next that comes in. Can be called in a signal handler.
    ///
    /// # Safety
    /// A block of the compartment, in use, and nothing uses it any more.
    unsafe fn defer(&self, address: usize) {
        let mut first = self.deferred.load(Relaxed);
        loop {
            // SAFETY: the caller's promise.
            unsafe { block::set_chained(address, first) };
            match self.deferred.compare_exchange_weak(first, address, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Takes a block back that a program names.
    ///
    /// # Safety
    /// If it is a block in use nothing uses it any more.
    pub unsafe fn free(&'static self, address: usize) -> Freed {
        if let Some(mut entered) = self.enter() {
            return entered.free(address);
        }
        match usable(address) {
            Ok(usable) => {
                // SAFETY: a block in use, which its owner gives up.
                unsafe { self.defer(address) };
                Freed::Yes(usable)
            }
            Err(wrong) => Freed::Wrong(wrong),
        }
    }
}

#[cold]
fn not_live_after(entered: Entered, handle: Handle, call: &str) -> Option<Entered> {
    drop(entered);
    not_live(handle, call);
    None
}

/// A handle of a compartment that is not live.
#[cold]
#[inline(never)]
fn not_live(handle: Handle, call: &str) {
    let Handle(number) = handle;
    match table::at(handle.index()).filter(|_| number & 1 != 0) {
        Some(compartment) if !compartment.is_live() || !compartment.is_of(handle) => {
            let text = format_args!("{call}: the heap of this handle ({number:#x}) was destroyed");
            report::found(Code::DestroyedHeap, number, text, &|_| {});
        }
        _ => {
            let text = format_args!("{call}: {number:#x} is no handle of a heap");
            report::found(Code::ForeignPointer, number, text, &|_| {});
        }
    }
}

/// The usable bytes of a block in use at an address in a compartment's region.
pub fn usable(address: usize) -> Result<usize, BlockMisuse> {
    let region = PAGE_MAP.get(address).filter(|region| region.is_region()).ok_or(BlockMisuse::NoHeader(0))?;
    usable_in(region, address)
}

/// The same where the page map's region is known.
#[inline]
fn usable_in(region: &RangeRecord, address: usize) -> Result<usize, BlockMisuse> {
    // SAFETY: the page map's region.
    let usable = unsafe { headers::usable_size(region, address) }?;
    // SAFETY: a block is there.
    if usable + HEADER < SMALL && unsafe { key::is_set(address) } {
        return Err(BlockMisuse::Freed(usable));
    }
    Ok(usable)
}

impl Entered {
    /// What the compartment has.
    #[inline]
    pub fn inside(&mut self) -> &mut Inside {
        // SAFETY: this thread alone is in.
        unsafe { &mut *self.compartment.inside.get() }
    }

    /// The compartment.
    pub fn compartment(&self) -> &'static Compartment {
        self.compartment
    }

    /// A block for `n` bytes, aligned to `align`, a power of two; how many of its bytes may not be zero. `None` where
    /// memory is out, or the limit is reached.
    #[inline(always)]
    pub fn malloc(&mut self, n: usize, align: usize) -> Option<(usize, usize)> {
        let inside = self.inside();
        let size = block::size_for(n)?;
        if size < SMALL && align <= GRAIN {
            if inside.live + size > inside.limit {
                return None;
            }
            let taken = inside.small.take(&mut inside.heap, size);
            let piece = match taken {
                Ok(piece) => piece?,
                Err(damaged) => return self.damaged(&damaged),
            };
            inside.count_in(piece.size);
            if inside.live > inside.limit {
                // It is a little larger than was asked for.
                self.free(piece.address);
                return None;
            }
            return Some((piece.address, piece.size - HEADER));
        }
        self.malloc_large(n, size, align)
    }

    #[inline(never)]
    fn malloc_large(&mut self, n: usize, size: usize, align: usize) -> Option<(usize, usize)> {
        let inside = self.inside();
        if size > inside.limit - inside.live.min(inside.limit) {
            return None;
        }
        inside.small.settle(&mut inside.heap);
        let fresh = inside.heap.alloc_aligned(n, align);
        inside.small.reload();
        let fresh = fresh?;
        if fresh.dirty != 0 {
            // SAFETY: taken just now. What the program frees is small or not by its size then, and has no key.
            unsafe { key::clear(fresh.block) };
        }
        inside.count_in(fresh.usable + HEADER);
        if inside.live > inside.limit {
            self.free(fresh.block);
            return None;
        }
        Some((fresh.block, fresh.dirty))
    }

    /// Takes a block back that a program names.
    #[inline]
    pub fn free(&mut self, address: usize) -> Freed {
        match PAGE_MAP.get(address).filter(|region| region.is_region()) {
            Some(region) => self.free_in(region, address),
            None => Freed::Wrong(BlockMisuse::NoHeader(0)),
        }
    }

    /// The same in a region of this compartment.
    #[inline(always)]
    pub fn free_in(&mut self, region: &RangeRecord, address: usize) -> Freed {
        if self.inside().small.is_rest(address) {
            return Freed::Wrong(BlockMisuse::Freed(0));
        }
        let usable = match usable_in(region, address) {
            Ok(usable) => usable,
            Err(wrong) => return Freed::Wrong(wrong),
        };
        let (inside, size) = (self.inside(), usable + HEADER);
        inside.live -= size;
        inside.frees += 1;
        if size < SMALL {
            // SAFETY: a block in use of this size, which its owner gives up.
            unsafe { inside.small.put(address, size) };
            return Freed::Yes(usable);
        }
        inside.small.settle(&mut inside.heap);
        let freed = inside.heap.free(address);
        inside.small.reload();
        match freed {
            Ok(usable) => Freed::Yes(usable),
            Err(wrong) => Freed::Wrong(wrong),
        }
    }

    /// The usable bytes of a block in use of this compartment.
    #[inline]
    pub fn usable(&mut self, address: usize) -> Result<usize, BlockMisuse> {
        if self.inside().small.is_rest(address) {
            return Err(BlockMisuse::Freed(0));
        }
        usable(address)
    }

    /// Makes a block larger or smaller where it is. False where it has to move.
    pub fn resize(&mut self, address: usize, usable: usize, n: usize) -> bool {
        let Some(size) = block::size_for(n) else { return false };
        let old = usable + HEADER;
        if size == old || old < SMALL && size < old && old - size < MIN_BLOCK {
            return true;
        }
        let inside = self.inside();
        if old < SMALL || size < SMALL || size > old && size - old > inside.limit - inside.live.min(inside.limit) {
            return false;
        }
        inside.small.settle(&mut inside.heap);
        let resized = inside.heap.resize(address, n);
        inside.small.reload();
        let Ok(Some(now)) = resized else { return false };
        inside.live = inside.live - old + now + HEADER;
        inside.peak = inside.peak.max(inside.live);
        true
    }

    /// Frees all blocks; the memory stays.
    pub fn reset(&mut self) {
        let inside = self.inside();
        inside.small.settle(&mut inside.heap);
        inside.small.clear();
        inside.heap.free_all();
        inside.live = 0;
        inside.frees = inside.mallocs;
    }

    /// Gives free memory back to the system; about how many bytes.
    pub fn purge(&mut self) -> usize {
        let inside = self.inside();
        match inside.small.flush(&mut inside.heap) {
            Ok(()) => inside.heap.trim(),
            Err(damaged) => self.damaged(&damaged).map_or(0, |(bytes, _)| bytes),
        }
    }

    /// Ends the compartment: all its blocks are gone, and its ranges cannot be touched.
    pub fn destroy(mut self) {
        let compartment = self.compartment;
        let generation = compartment.generation();
        compartment.end();
        compartment.deferred.store(0, Relaxed);
        self.inside().small.clear();
        for region in self.inside().heap.take_regions() {
            region.seen.store(generation, Relaxed);
            ranges::retire(region);
        }
        drop(self);
        compartment.give_number();
    }

    /// Frees the blocks in the chain, which ends at one that is free already.
    #[cold]
    fn free_deferred(&mut self) {
        let mut address = self.compartment.deferred.swap(0, Acquire);
        while address != 0 {
            // SAFETY: the promise made to `defer`.
            let next = unsafe { block::chained(address) };
            address = match (self.free(address), next) {
                (Freed::Yes(_), Some(next)) => next,
                _ => 0,
            };
        }
    }

    #[cold]
    #[inline(never)]
    fn damaged(&mut self, damaged: &Damaged) -> Option<(usize, usize)> {
        let (name, at) = (self.compartment.name(), damaged.0);
        let text = format_args!("the free block at {at:#x} of the heap {name}: its first word was written to");
        report::misuse(Code::FreeBlockWritten, at, text)
    }
}

impl Inside {
    /// Blocks in use.
    pub fn blocks(&self) -> usize {
        (self.mallocs - self.frees) as usize
    }

    #[inline]
    pub(super) fn count_in(&mut self, size: usize) {
        self.live += size;
        self.mallocs += 1;
        self.peak = self.peak.max(self.live);
    }
}

impl Drop for Entered {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        match self.how {
            How::Alone => self.compartment.gate.store(ALONE, Relaxed),
            How::Locked(was_inside) => {
                // SAFETY: this thread took it in `take_lock`.
                unsafe { self.compartment.lock.unlock() };
                compiler_fence(core::sync::atomic::Ordering::SeqCst);
                thread::set_in_operation(was_inside);
            }
        }
    }
}

/// The compartment of a block, or of where one was; and whether that was destroyed.
pub fn of_address(address: usize) -> Option<(&'static Compartment, bool)> {
    let record = PAGE_MAP.get(address)?;
    let compartment = table::at(record.compartment()?)?;
    Some((compartment, !record.is_region()))
}
