//! The routes: where a request is served, and whom a pointer goes back to.
//!
//! Requests at or above the cutoff get a mapping; all others a block from the calling thread's home arena. A pointer
//! that comes in is looked up in the page map first, and nothing behind it is read unless it is ours.

#![allow(unsafe_code)]

use super::misuse::{self, Wrong};
use super::{check, foreign, options, runtime, stats};
use crate::base::config::GRAIN;
use crate::base::operation::Operation;
use crate::heap::heap::{self, Fresh};
use crate::heap::span::{Kind, Span};
use crate::slab::arena::Arena;
use crate::sys::linux::{self, Linux};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

/// Whom an address belongs to.
enum Owner {
    /// A heap's region.
    Region(&'static Span),
    /// A mapping.
    Mapping(&'static Span),
    /// Nobody we know.
    Foreign,
}

fn arena_of(region: &Span) -> &'static Arena<Linux> {
    runtime::arena(region.arena.load(Relaxed))
}

#[inline]
fn owner(address: usize) -> Owner {
    runtime::ensure();
    match runtime::PAGE_MAP.get(address) {
        Some(span) => match span.kind() {
            Kind::Region => Owner::Region(span),
            // A mapping that somebody is just giving back counts as one: `Mappings` sorts that out.
            Kind::Mapping | Kind::Nothing | Kind::Retained => Owner::Mapping(span),
        },
        None => Owner::Foreign,
    }
}

fn fail() -> *mut u8 {
    linux::set_errno(libc::ENOMEM);
    null_mut()
}

/// `n` bytes aligned to `align`, a power of two. Null and `ENOMEM` when there is no memory, or `n` is more than
/// `PTRDIFF_MAX`.
#[inline]
pub fn allocate(operation: Operation, n: usize, align: usize) -> *mut u8 {
    serve(operation, n, align, false)
}

/// The same, zeroed.
pub fn allocate_zeroed(n: usize, align: usize) -> *mut u8 {
    serve(Operation::Calloc, n, align, true)
}

#[inline]
fn serve(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    runtime::ensure();
    if n > isize::MAX.unsigned_abs() {
        return fail();
    }
    check::tick();
    let span = n.checked_add(if align > GRAIN { align } else { 0 });
    if span.is_none_or(|bytes| bytes >= options::cutoff()) {
        return serve_mapping(operation, n, align, zero);
    }
    let Some(mut heap) = runtime::home().enter(operation) else {
        // A signal handler that interrupted this very heap.
        return serve_mapping(operation, n, align, zero);
    };
    let fresh = heap.alloc_aligned(n, align);
    drop(heap);
    let Some(fresh) = fresh.or_else(|| from_another_arena(n, align)) else {
        // Where no region fits any more a small mapping may.
        return serve_mapping(operation, n, align, zero);
    };
    let p = core::ptr::with_exposed_provenance_mut(fresh.block);
    fill(p, fresh, n, zero);
    p
}

/// The home arena got no more memory from the system: another one may have a hole, or room to grow.
#[cold]
#[inline(never)]
fn from_another_arena(n: usize, align: usize) -> Option<Fresh> {
    runtime::arenas().iter().find_map(|arena| {
        let mut heap = arena.enter(Operation::Other)?;
        // An arena without regions has no hole either, and a first region is what could not be had.
        if heap.figures().held == 0 { None } else { heap.alloc_aligned(n, align) }
    })
}

#[inline]
fn fill(p: *mut u8, fresh: Fresh, n: usize, zero: bool) {
    // SAFETY: the block is ours and has `usable` bytes, of which `dirty` and `n` are no more.
    unsafe {
        if zero {
            p.write_bytes(0, fresh.dirty);
        } else if options::perturb() != 0 {
            p.write_bytes(!options::perturb(), n);
        }
    }
}

#[cold]
#[inline(never)]
fn serve_mapping(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    let Some(span) = runtime::MAPPINGS.alloc(n, align) else { return fail() };
    stats::count_mapped(operation);
    let p: *mut u8 = core::ptr::with_exposed_provenance_mut(span.start());
    if !zero && options::perturb() != 0 {
        // SAFETY: the mapping has at least `n` bytes.
        unsafe { p.write_bytes(!options::perturb(), n) };
    }
    p
}

/// Takes a pointer back; null is fine. Keeps errno.
///
/// # Safety
/// Nothing may use the block any more. A pointer that is no block is reported, not followed.
#[inline]
pub unsafe fn release(p: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { release_for(Operation::Free, p) };
}

/// # Safety
/// As for `release`.
#[inline]
unsafe fn release_for(operation: Operation, p: *mut u8) {
    if p.is_null() {
        return;
    }
    let address = p.addr();
    match owner(address) {
        Owner::Region(region) => release_block(operation, region, address),
        Owner::Mapping(span) => release_mapping(operation, span, address),
        Owner::Foreign => foreign::free(p),
    }
    check::tick();
}

fn release_block(operation: Operation, region: &'static Span, address: usize) {
    let arena = arena_of(region);
    if options::perturb() != 0
        && let Ok(usable) = heap::usable_size(region, address)
    {
        // SAFETY: a block in use, which its owner is giving up.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(address).write_bytes(options::perturb(), usable) };
    }
    match arena.enter(operation) {
        Some(mut heap) => {
            // errno: a trim inside may have tried system calls that failed.
            let result = linux::keeping_errno(|| heap.free(address));
            drop(heap);
            if let Err(wrong) = result {
                misuse::report(Operation::Free, address, Wrong::Block(region, wrong));
            }
        }
        None => match heap::usable_size(region, address) {
            Ok(_) => arena.defer(address),
            Err(wrong) => misuse::report(Operation::Free, address, Wrong::Block(region, wrong)),
        },
    }
}

#[cold]
#[inline(never)]
fn release_mapping(operation: Operation, span: &'static Span, address: usize) {
    if span.start() != address {
        misuse::report(operation, address, Wrong::Mapping(span));
    }
    let bytes = span.len();
    if !linux::keeping_errno(|| runtime::MAPPINGS.free(span)) {
        misuse::report(operation, address, Wrong::FreedMapping(bytes));
    }
    stats::count_mapped(operation);
    options::learn_cutoff(bytes);
}

/// The bytes a program may use at `p`; 0 for null.
#[inline]
pub fn usable_size(p: *mut u8) -> usize {
    usable_size_for(Operation::UsableSize, p).unwrap_or(0)
}

fn usable_size_for(operation: Operation, p: *mut u8) -> Option<usize> {
    if p.is_null() {
        return Some(0);
    }
    let address = p.addr();
    match owner(address) {
        Owner::Region(region) => match heap::usable_size(region, address) {
            Ok(usable) => Some(usable),
            Err(wrong) => misuse::report(operation, address, Wrong::Block(region, wrong)),
        },
        Owner::Mapping(span) if span.start() == address => Some(span.len()),
        Owner::Mapping(span) => misuse::report(operation, address, Wrong::Mapping(span)),
        Owner::Foreign => foreign::usable_size(operation, p),
    }
}

/// `p` with room for `n` bytes, moved if need be; its content is kept up to the smaller of both sizes. As glibc does it,
/// null allocates and `n == 0` frees and returns null. Null and `ENOMEM` when there is no memory: `p` is as it was.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more. A pointer that is no block is reported, not followed.
pub unsafe fn resize(p: *mut u8, n: usize) -> *mut u8 {
    if p.is_null() {
        return allocate(Operation::Realloc, n, GRAIN);
    }
    if n == 0 {
        // SAFETY: the caller's promise.
        unsafe { release(p) };
        return null_mut();
    }
    if n > isize::MAX.unsigned_abs() {
        return fail();
    }
    check::tick();
    let address = p.addr();
    let resized = match owner(address) {
        Owner::Region(region) => resize_block(region, address, n),
        Owner::Mapping(span) if span.start() == address => resize_mapping(span, n),
        Owner::Mapping(_) => None,
        Owner::Foreign => return foreign::realloc(p, n),
    };
    match resized {
        Some(p) => p,
        // SAFETY: the caller's promise.
        None => unsafe { resize_by_copy(p, n) },
    }
}

/// In place, or not at all.
fn resize_block(region: &'static Span, address: usize, n: usize) -> Option<*mut u8> {
    if n >= options::cutoff() {
        stats::count_mapped(Operation::Realloc);
        return None;
    }
    let mut heap = arena_of(region).enter(Operation::Realloc)?;
    let resized = heap.resize(address, n);
    drop(heap);
    match resized {
        Ok(Some(_)) => Some(core::ptr::with_exposed_provenance_mut(address)),
        Ok(None) => None,
        Err(wrong) => misuse::report(Operation::Realloc, address, Wrong::Block(region, wrong)),
    }
}

/// By moving pages. What has become much smaller than the cutoff moves into a heap instead.
fn resize_mapping(span: &'static Span, n: usize) -> Option<*mut u8> {
    stats::count_mapped(Operation::Realloc);
    if n < options::cutoff() / 2 {
        return None;
    }
    let start = runtime::MAPPINGS.resize(span, n)?;
    Some(core::ptr::with_exposed_provenance_mut(start))
}

/// # Safety
/// As for `resize`.
unsafe fn resize_by_copy(p: *mut u8, n: usize) -> *mut u8 {
    let Some(old) = usable_size_for(Operation::Realloc, p) else { return fail() };
    let new = serve(Operation::Move, n, GRAIN, false);
    if new.is_null() {
        // A block that is to shrink serves as it is.
        return if n <= old { p } else { new };
    }
    // SAFETY: both are blocks of ours, in use, with at least these sizes, and not the same.
    unsafe {
        new.copy_from_nonoverlapping(p, old.min(n));
        release_for(Operation::Move, p);
    }
    new
}
