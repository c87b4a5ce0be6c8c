//! How a block is made larger or smaller: in place, by moving pages, or by a copy.

#![allow(unsafe_code)]

use super::owner::{BlockInUse, Owner, arena_of, owner, usable, usable_of};
use super::release::release_moved;
use super::serve::{allocate_for, fail, room};
use crate::base::config::{GRAIN, MIN_BLOCK};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::cache::count;
use crate::heap::block;
use crate::heap::range_record::RangeRecord;
use crate::process::{helper_call, options, profiling, statics};
use crate::profile::sample;
use crate::report::foreign;
use crate::report::misuse::{self, Wrong};
use crate::route::{compartments, density, oom};
use crate::sys::errno;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

/// Resizes a block to `n` bytes, and returns where it is then. `p` is not null, and a quick look did not show that it
/// can stay as it is. `n` is neither 0 nor above `REQUEST_MAX`.
///
/// # Safety
/// Unless this fails, nothing may use the old block any more.
pub unsafe fn resize(p: *mut u8, n: usize) -> *mut u8 {
    let owner = owner(p.addr());
    match owner {
        Owner::Foreign => return foreign::realloc(p, n),
        // SAFETY: the caller's promise.
        Owner::Compartment(region) if !sample::owns(region) => return unsafe { compartments::resize(region, p, n) },
        _ => {}
    }
    let Some(size) = usable_of(owner, Operation::Realloc, p) else {
        errno::set_errno(libc::EINVAL);
        return null_mut();
    };
    if stays(owner, size, n) {
        count::count(Operation::Realloc);
        return p;
    }
    // The whole resize is tried again: the memory that the handler frees may be just behind the block.
    // SAFETY: the caller's promise.
    let resize = || unsafe { resize_once(p, n) };
    let resized = oom::retry(n, oom::beside_forks(oom::without_handler(resize), resize), resize);
    if !resized.is_null() {
        count::count(Operation::Realloc);
    }
    resized
}

/// Whether a quick look shows that a block or a mapping stays as it is when it is resized to `n` bytes.
#[inline(always)]
pub fn hardly_changes(block: &BlockInUse, n: usize) -> bool {
    if block.is_of_arena {
        n <= block.usable && block.usable - n < block.usable / 8
    } else {
        n != 0 && statics::MAPPINGS.keep(block.record, n)
    }
}

/// Resizes a block that does not serve as it is.
///
/// # Safety
/// As for `resize`.
unsafe fn resize_once(p: *mut u8, n: usize) -> *mut u8 {
    let address = p.addr();
    let resized = match owner(address) {
        // `resize` has seen that the object does not serve.
        Owner::Slab(_) => None,
        Owner::Region(region) => resize_block(region, address, n),
        Owner::Mapping(record) if record.start() == address => resize_mapping(record, n),
        Owner::Mapping(_) | Owner::Compartment(_) | Owner::Destroyed(_) | Owner::Guarded | Owner::Foreign => None,
    };
    match resized {
        Some(p) => p,
        // SAFETY: the caller's promise.
        None => unsafe { resize_by_copy(p, n) },
    }
}

/// Whether an object stays as it is when it is resized to `n` bytes: it is large enough, and hardly more than a third
/// of it would be unused. An object of the smallest class serves any size but zero.
#[inline(always)]
pub fn serves(size: usize, n: usize) -> bool {
    n <= size && 3 * n + 2 * GRAIN > 2 * size
}

/// Whether a block of `size` bytes stays as it is when it is resized to `n` bytes.
#[inline]
fn stays(owner: Owner, size: usize, n: usize) -> bool {
    match owner {
        // A compartment's block is a sample of the profile here.
        Owner::Slab(_) | Owner::Compartment(_) => serves(size, n),
        Owner::Region(_) => n <= size && size < block_room(n),
        Owner::Mapping(record) => statics::MAPPINGS.keep(record, n),
        Owner::Destroyed(_) | Owner::Guarded | Owner::Foreign => false,
    }
}

/// More usable bytes than a heap block that was made for `n` bytes may have.
pub(super) fn block_room(n: usize) -> usize {
    let room = room(n);
    block::size_for(room).unwrap_or(room) + MIN_BLOCK
}

/// Resizes a heap block in place, or not at all.
fn resize_block(region: &'static RangeRecord, address: usize, n: usize) -> Option<*mut u8> {
    if n >= options::cutoff() {
        return None;
    }
    let mut heap = arena_of(region).enter(Operation::Realloc)?;
    let resized = match heap.resize(address, room(n)) {
        Ok(None) => heap.resize(address, n),
        resized => resized,
    };
    drop(heap);
    helper_call::look(region.arena.load(Relaxed) as usize);
    match resized {
        Ok(Some(_)) => Some(pointer::at_mut(address)),
        Ok(None) => None,
        Err(wrong) => {
            misuse::report(Operation::Realloc, address, Wrong::Block(region, wrong));
            None
        }
    }
}

/// Resizes a mapping by moving its pages. One that becomes much smaller than the cutoff moves into a heap instead.
fn resize_mapping(record: &'static RangeRecord, n: usize) -> Option<*mut u8> {
    if n < options::cutoff() / 2 {
        return None;
    }
    let before = record.start();
    let start = statics::MAPPINGS.resize(record, n)?;
    if profiling::is_asked() {
        sample::forget(before);
        if sample::is_due(n, None) {
            sample::note(start, n, 0);
        }
    }
    Some(pointer::at_mut(start))
}

/// # Safety
/// As for `resize`.
unsafe fn resize_by_copy(p: *mut u8, n: usize) -> *mut u8 {
    let Some(old) = usable(Operation::Realloc, p) else { return fail() };
    let new = allocate_for(Operation::Move, n);
    if new.is_null() {
        // A block that is to shrink serves as it is.
        return if n <= old { p } else { new };
    }
    density::will_be_touched(new.addr(), old.min(n));
    // SAFETY: both are blocks of ours, in use, with at least these sizes, and not the same.
    unsafe {
        new.copy_from_nonoverlapping(p, old.min(n));
        release_moved(p);
    }
    new
}
