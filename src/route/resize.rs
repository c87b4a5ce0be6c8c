//! How a block is made larger or smaller: where it is, by moving pages, or by a copy.

#![allow(unsafe_code)]

use super::owner::{Owner, arena_of, owner, usable, usable_of};
use super::release::release_moved;
use super::serve::{allocate_for, fail, room};
use crate::base::config::{GRAIN, MIN_BLOCK};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::cache::count;
use crate::heap::block;
use crate::heap::range_record::RangeRecord;
use crate::process::{helper_call, options, statics};
use crate::report::foreign;
use crate::report::misuse::{self, Wrong};
use crate::route::{density, oom};
use crate::sys::errno;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

/// `p`, a block that is not null and does not serve as it is without more ado, with room for `n` bytes, some and not too many.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more.
pub unsafe fn resize(p: *mut u8, n: usize) -> *mut u8 {
    let owner = owner(p.addr());
    if matches!(owner, Owner::Foreign) {
        return foreign::realloc(p, n);
    }
    let Some(size) = usable_of(owner, Operation::Realloc, p) else {
        errno::set_errno(libc::EINVAL);
        return null_mut();
    };
    if stays(owner, size, n) {
        count::count(Operation::Realloc);
        return p;
    }
    // All of it again: room that the handler makes may be just behind the block.
    // SAFETY: the caller's promise.
    let resize = || unsafe { resize_once(p, n) };
    let resized = oom::retry(n, oom::beside_forks(oom::without_handler(resize), resize), resize);
    if !resized.is_null() {
        count::count(Operation::Realloc);
    }
    resized
}

/// Whether a block or a mapping that is to be resized to `n` bytes stays as it is without more ado.
#[inline(always)]
pub fn hardly_changes(record: &RangeRecord, usable: usize, n: usize) -> bool {
    if record.is_region() {
        n <= usable && usable - n < usable / 8
    } else {
        n != 0 && statics::MAPPINGS.keep(record, n)
    }
}

/// Resizes a block that does not serve as it is.
///
/// # Safety
/// As for `resize`.
unsafe fn resize_once(p: *mut u8, n: usize) -> *mut u8 {
    let address = p.addr();
    let resized = match owner(address) {
        // It was looked at above: it does not fit.
        Owner::Slab(_) => None,
        Owner::Region(region) => resize_block(region, address, n),
        Owner::Mapping(record) if record.start() == address => resize_mapping(record, n),
        Owner::Mapping(_) | Owner::Guarded | Owner::Foreign => None,
    };
    match resized {
        Some(p) => p,
        // SAFETY: the caller's promise.
        None => unsafe { resize_by_copy(p, n) },
    }
}

/// Whether an object that is to be resized to `n` bytes serves as it is: it is large enough, and hardly more than a third of it would be unused. The
/// smallest class serves any but none.
#[inline(always)]
pub fn serves(size: usize, n: usize) -> bool {
    n <= size && 3 * n + 2 * GRAIN > 2 * size
}

/// Whether a block of so many bytes that is to be resized to `n` serves as it is, so that there is nothing to do.
#[inline]
fn stays(owner: Owner, size: usize, n: usize) -> bool {
    match owner {
        Owner::Slab(_) => serves(size, n),
        Owner::Region(_) => n <= size && size < block_room(n),
        Owner::Mapping(record) => statics::MAPPINGS.keep(record, n),
        Owner::Guarded | Owner::Foreign => false,
    }
}

/// More than a block of the heap that was made for `n` bytes may have.
pub(super) fn block_room(n: usize) -> usize {
    let room = room(n);
    block::size_for(room).unwrap_or(room) + MIN_BLOCK
}

/// In place, or not at all.
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

/// By moving pages. What has become much smaller than the cutoff moves into a heap instead.
fn resize_mapping(record: &'static RangeRecord, n: usize) -> Option<*mut u8> {
    if n < options::cutoff() / 2 {
        return None;
    }
    let start = statics::MAPPINGS.resize(record, n)?;
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
