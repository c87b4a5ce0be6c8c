//! The fast path of compartments for a single thread: a small block from its list or its run, and back, without a
//! frame.

#![allow(unsafe_code)]

use super::small::SMALL;
use super::table::{self, BUSY, Compartment, Handle};
use super::waiting;
use crate::base::align;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK};
use crate::heap::headers;
use crate::process::statics::PAGE_MAP;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::compiler_fence;

/// A small block from its list in the compartment of a handle, where that is for a single thread; `None` where more is
/// to be done.
#[inline(always)]
pub fn pop(handle: Handle, n: usize) -> Option<usize> {
    let compartment = table::at(handle.index())?;
    if !is_open(compartment, handle) || n > SMALL_MOST {
        return None;
    }
    let size = align::up(n + HEADER, GRAIN).max(MIN_BLOCK);
    compartment.gate.store(BUSY, Relaxed);
    compiler_fence(core::sync::atomic::Ordering::SeqCst);
    // SAFETY: this thread alone is in.
    let inside = unsafe { &mut *compartment.inside.get() };
    let popped = if size <= inside.room { inside.small.pop(size) } else { None };
    if popped.is_some() {
        inside.count_in(size);
    }
    compiler_fence(core::sync::atomic::Ordering::SeqCst);
    compartment.gate.store(handle.state(), Relaxed);
    popped
}

/// Puts a small block into its list in the compartment of a handle, where that is for a single thread. False where more
/// is to be done.
///
/// # Safety
/// If it is a block in use nothing uses it any more.
#[inline(always)]
pub unsafe fn push(handle: Handle, address: usize) -> bool {
    let Some(compartment) = table::at(handle.index()) else { return false };
    if !is_open(compartment, handle) || compartment.deferred.load(Relaxed) != 0 {
        return false;
    }
    let Some(region) = PAGE_MAP.get(address) else { return false };
    if !region.is_region_of(handle.index()) {
        return false;
    }
    // SAFETY: the page map's region.
    let Ok(usable) = (unsafe { headers::usable_size(region, address) }) else { return false };
    let size = usable + HEADER;
    // SAFETY: this thread alone is in, or about to be.
    let inside = unsafe { &mut *compartment.inside.get() };
    // SAFETY: a block of ours is there.
    if size >= SMALL || unsafe { waiting::is_set(address) } || inside.small.is_rest(address) {
        return false;
    }
    compartment.gate.store(BUSY, Relaxed);
    compiler_fence(core::sync::atomic::Ordering::SeqCst);
    inside.count_out(size);
    // SAFETY: a block in use of this size, which its owner gives up.
    unsafe { inside.small.put(address, size) };
    compiler_fence(core::sync::atomic::Ordering::SeqCst);
    compartment.gate.store(handle.state(), Relaxed);
    true
}

/// Whether a compartment is that of a live handle, and for a single thread, which is not inside. The gate says the state,
/// so that needs no look.
#[inline(always)]
fn is_open(compartment: &Compartment, handle: Handle) -> bool {
    compartment.gate.load(Relaxed) == handle.state()
}

/// The most bytes of a small block.
const SMALL_MOST: usize = SMALL - HEADER - GRAIN;
