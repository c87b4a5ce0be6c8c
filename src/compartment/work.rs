//! What compartments do: entering one, serving, taking back, destroying.
//!
//! A shared one has a lock. One for a single thread has a word that says that the thread is at work, so that a signal
//! handler which interrupted it is turned away. Whoever is turned away gets no memory, and what it frees waits in a
//! chain for the next that comes in.

#![allow(unsafe_code)]

use super::exact::{self, Wrong};
use super::small::Damaged;
use super::table::{BUSY, Compartment, Handle, Inside, SHARED};
use super::{blocks, patience, ranges, table, waiting};
use crate::base::code::Code;
use crate::heap::heap::BlockMisuse;
use crate::heap::range_record::RangeRecord;
use crate::process::statics::PAGE_MAP;
use crate::sys::{thread, valgrind};
use crate::trace::report;
use core::fmt::Arguments;
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

impl Compartment {
    /// Lets the calling thread in; `None` if it may not wait for whoever is in: a signal handler interrupted that, or a
    /// fork is under way.
    #[inline(always)]
    pub fn enter(&'static self) -> Option<Entered> {
        if self.gate.load(Relaxed) < BUSY {
            self.gate.store(BUSY, Relaxed);
            compiler_fence(core::sync::atomic::Ordering::SeqCst);
            if self.deferred.load(Relaxed) == 0 {
                return Some(Entered { compartment: self, how: How::Alone });
            }
            self.open_gate();
        }
        self.enter_slowly()
    }

    #[inline(never)]
    fn enter_slowly(&'static self) -> Option<Entered> {
        let how = match self.gate.load(Relaxed) {
            BUSY => return None,
            SHARED => return self.enter_shared(),
            _ => {
                self.gate.store(BUSY, Relaxed);
                How::Alone
            }
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
        valgrind::quiet();
        Some(How::Locked(was_inside))
    }

    /// The same for the compartment of a handle; `None` also where that is not live, which is reported.
    #[inline(never)]
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
            unsafe { waiting::set(address, first) };
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
    pub unsafe fn free(&'static self, address: usize) -> Result<usize, Wrong> {
        if let Some(mut entered) = self.enter() {
            return entered.free(address);
        }
        let region = region(address)?;
        let (usable, damage) = if self.is_exact() {
            exact::claim(region, address)?
        } else {
            (blocks::in_use(region, address).map_err(Wrong::Block)?, None)
        };
        // SAFETY: a block that was in use, which its owner gives up.
        unsafe { self.defer(address) };
        damage.map_or(Ok(usable), |at| Err(Wrong::Overflow(usable, at)))
    }

    /// The bytes that a program may use of a block in use, looked at without entering: for a thread that may not.
    pub fn usable(&self, address: usize) -> Result<usize, Wrong> {
        let region = region(address)?;
        if self.is_exact() {
            exact::asked(region, address)
        } else {
            blocks::in_use(region, address).map_err(Wrong::Block)
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
    match table::at(handle.index()).filter(|_| handle.is_plausible()) {
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

/// Reports that a block that ends at `end` was written beyond.
#[cold]
pub fn report_overflow(compartment: &Compartment, block: Arguments<'_>, end: usize, at: usize) {
    let (name, by) = (compartment.name(), at - end);
    let text = format_args!("the block {block} of the heap {name}: byte {by} behind its end was written to");
    report::found(Code::Overflow, at, text, &|_| {});
}

/// The region of a heap around an address.
fn region(address: usize) -> Result<&'static RangeRecord, Wrong> {
    PAGE_MAP.get(address).filter(|region| region.is_region()).ok_or(Wrong::Block(BlockMisuse::NoHeader(0)))
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
        let is_exact = self.compartment.is_exact();
        let inside = self.inside();
        let taken = if is_exact { inside.take_exact(n, align) } else { inside.take(n, align) };
        match taken {
            Ok(taken) => taken.map(|taken| (taken.address, taken.dirty)),
            Err(damaged) => self.damaged(&damaged),
        }
    }

    /// Takes a block back that a program names.
    #[inline]
    pub fn free(&mut self, address: usize) -> Result<usize, Wrong> {
        self.free_in(region(address)?, address)
    }

    /// The same in a region of this compartment; how many bytes the program could use.
    #[inline(always)]
    pub fn free_in(&mut self, region: &RangeRecord, address: usize) -> Result<usize, Wrong> {
        if self.compartment.is_exact() {
            return self.inside().give_exact(region, address);
        }
        self.inside().give(region, address).map_err(Wrong::Block)
    }

    /// The bytes that a program may use of a block in use of this compartment.
    #[inline]
    pub fn usable(&mut self, address: usize) -> Result<usize, Wrong> {
        if self.inside().small.is_rest(address) {
            return Err(Wrong::Block(BlockMisuse::Freed(0)));
        }
        self.compartment.usable(address)
    }

    /// Makes a block of `usable` bytes larger or smaller where it is. False where it has to move.
    pub fn resize(&mut self, address: usize, usable: usize, n: usize) -> bool {
        if self.compartment.is_exact() {
            let Ok(region) = region(address) else { return false };
            return self.inside().resize_exact(region, address, n);
        }
        self.inside().resize(address, usable, n).is_some()
    }

    /// Frees all blocks; the memory stays.
    pub fn reset(&mut self) {
        self.report_overflow();
        let inside = self.inside();
        exact::renounce(inside);
        inside.clear();
        exact::announce(inside);
    }

    /// Gives free memory back to the system; about how many bytes.
    pub fn purge(&mut self) -> usize {
        let is_given = self.compartment.is_given();
        let inside = self.inside();
        match inside.small.flush(&mut inside.heap) {
            Ok(()) if is_given => 0,
            Ok(()) => inside.heap.trim(),
            Err(damaged) => self.damaged(&damaged).map_or(0, |(bytes, _)| bytes),
        }
    }

    /// Ends the compartment: all its blocks are gone, and its ranges cannot be touched.
    pub fn destroy(mut self) {
        self.report_overflow();
        let compartment = self.compartment;
        let generation = compartment.generation();
        compartment.end();
        compartment.deferred.store(0, Relaxed);
        exact::renounce(self.inside());
        self.inside().small.clear();
        let mut touched = 0;
        for region in self.inside().heap.take_regions() {
            if compartment.is_given() {
                ranges::forget_given(region);
                continue;
            }
            touched += ranges::touched(region);
            region.seen.store(generation, Relaxed);
            ranges::retire(region, compartment.is_fenced(), compartment.has_named_ranges());
        }
        if touched != 0 {
            ranges::remember(touched);
        }
        drop(self);
        compartment.give_number();
    }

    /// Takes back the blocks in the chain. It ends at one that was written to since.
    #[cold]
    fn free_deferred(&mut self) {
        let mut address = self.compartment.deferred.swap(0, Acquire);
        while address != 0 {
            // SAFETY: the promise made to `defer`.
            let Some(next) = (unsafe { waiting::next(address) }) else {
                self.damaged(&Damaged(address));
                return;
            };
            // SAFETY: as above.
            unsafe { waiting::clear(address) };
            let Ok(region) = region(address) else { return };
            let given = if self.compartment.is_exact() {
                self.inside().give_claimed(region, address)
            } else {
                self.inside().give(region, address).map(|_| ()).map_err(Wrong::Block)
            };
            if given.is_err() {
                self.damaged(&Damaged(address));
            }
            address = next;
        }
    }

    #[cold]
    #[inline(never)]
    fn damaged(&mut self, damaged: &Damaged) -> Option<(usize, usize)> {
        let (name, at) = (self.compartment.name(), damaged.0);
        let text = format_args!("the free block at {at:#x} of the heap {name}: it was written to");
        report::misuse(Code::FreeBlockWritten, at, text)
    }

    /// Reports the first block that was written beyond, where blocks are exact. They are all about to go.
    fn report_overflow(&mut self) {
        if self.compartment.is_exact()
            && let Some((address, size, at)) = self.inside().first_overflow()
        {
            report_overflow(self.compartment, format_args!("of {size} bytes at {address:#x}"), address + size, at);
        }
    }
}

impl Drop for Entered {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(core::sync::atomic::Ordering::SeqCst);
        match self.how {
            How::Alone => self.compartment.open_gate(),
            How::Locked(was_inside) => {
                // SAFETY: this thread took it in `take_lock`.
                unsafe { self.compartment.lock.unlock() };
                compiler_fence(core::sync::atomic::Ordering::SeqCst);
                thread::set_in_operation(was_inside);
                valgrind::loud();
            }
        }
    }
}

/// The compartment of a block, or of where one was, that a program has made; and whether that was destroyed.
pub fn of_address(address: usize) -> Option<(&'static Compartment, bool)> {
    let record = PAGE_MAP.get(address)?;
    let compartment = table::at(record.compartment()?).filter(|compartment| !compartment.is_internal())?;
    Some((compartment, !record.is_region()))
}
