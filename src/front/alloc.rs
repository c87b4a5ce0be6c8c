//! The entries: what malloc, free, realloc and the others do. First the fast paths, in the thread's cache; then, in functions of their own, what a
//! cache does not serve: the checked route where blocks are checked, and else the routes.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::class::{self, SizeClass};
use crate::base::config::{CHECKED, GRAIN, REQUEST_MAX};
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::cache::cache::Cache;
use crate::cache::fast::{self, Released};
use crate::cache::{count, remote};
use crate::debug::{check, checked};
use crate::process::{options, start};
use crate::route::owner::{block_in_use, usable_size_for};
use crate::route::resize::{self, hardly_changes, serves};
use crate::route::serve::{self, fail, serve_instead};
use crate::route::{claims, release};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

/// `n` bytes. Null and `ENOMEM` when there is no memory, or `n` is more than there are addresses.
#[inline(always)]
pub fn allocate(n: usize) -> *mut u8 {
    match fast::allocate(Operation::Malloc, n) {
        0 => allocate_slowly(n),
        object => core::ptr::with_exposed_provenance_mut(object),
    }
}

/// The same for `operator new`.
#[inline(always)]
pub fn allocate_new(n: usize) -> *mut u8 {
    match fast::allocate(Operation::Malloc, n) {
        0 => allocate_new_slowly(n),
        object => core::ptr::with_exposed_provenance_mut(object),
    }
}

#[cold]
#[inline(never)]
extern "C" fn allocate_new_slowly(n: usize) -> *mut u8 {
    allocate_slowly_for(Family::New, n)
}

#[cold]
#[inline(never)]
extern "C" fn allocate_slowly(n: usize) -> *mut u8 {
    // The fast path takes no bytes for very many.
    let object = if n == 0 { fast::allocate_nothing(Operation::Malloc) } else { 0 };
    if object == 0 { allocate_slowly_for(Family::Malloc, n) } else { core::ptr::with_exposed_provenance_mut(object) }
}

#[inline(never)]
fn allocate_slowly_for(family: Family, n: usize) -> *mut u8 {
    let class = if n > class::SLAB_MAX { SizeClass::for_size(n) } else { None };
    match class.map_or(0, |class| fast::allocate_class(Operation::Malloc, class)) {
        0 => allocate_uncached(family, n),
        block => core::ptr::with_exposed_provenance_mut(block),
    }
}

#[inline(never)]
fn allocate_uncached(family: Family, n: usize) -> *mut u8 {
    start::ensure();
    check::tick();
    if options::checked() {
        return checked::malloc(family, n);
    }
    serve::serve(Operation::Malloc, n, GRAIN, false)
}

/// The same aligned to `align`, a power of two.
pub fn allocate_aligned(family: Family, n: usize, align: usize) -> *mut u8 {
    let object = fast::allocate(Operation::Aligned, class::aligned_size(n, align));
    if object != 0 {
        return if align::is(object, align) {
            core::ptr::with_exposed_provenance_mut(object)
        } else {
            serve_instead(Operation::Aligned, object, n, align, false)
        };
    }
    allocate_aligned_slowly(family, n, align)
}

#[inline(never)]
fn allocate_aligned_slowly(family: Family, n: usize, align: usize) -> *mut u8 {
    start::ensure();
    check::tick();
    if options::checked() {
        return checked::aligned_alloc(family, n, align);
    }
    serve::serve(Operation::Aligned, n, align, false)
}

/// `n` bytes that are zero.
#[inline]
pub fn allocate_zeroed(n: usize, align: usize) -> *mut u8 {
    if align <= GRAIN {
        let object = fast::allocate(Operation::Calloc, n);
        if object != 0 {
            let p: *mut u8 = core::ptr::with_exposed_provenance_mut(object);
            // SAFETY: the object has room for `n` bytes.
            unsafe { p.write_bytes(0, n) };
            return p;
        }
    }
    allocate_zeroed_slowly(n, align)
}

/// The same where all that `usable_size` says is zero: programs ask for that and use it.
#[inline]
pub fn allocate_zeroed_whole(n: usize) -> *mut u8 {
    let (object, size) = fast::allocate_with_size(Operation::Calloc, n);
    if object == 0 {
        return allocate_zeroed_slowly(n, GRAIN);
    }
    let p: *mut u8 = core::ptr::with_exposed_provenance_mut(object);
    // SAFETY: the object has so many bytes.
    unsafe { p.write_bytes(0, size) };
    p
}

fn allocate_zeroed_slowly(n: usize, align: usize) -> *mut u8 {
    start::ensure();
    check::tick();
    if options::checked() {
        return checked::calloc(n, align);
    }
    serve::serve(Operation::Calloc, n, align, true)
}

/// Takes a pointer back; null is fine. Keeps errno.
///
/// # Safety
/// Nothing may use the block any more. A pointer that is no block is reported, not followed.
#[inline(always)]
pub unsafe fn release(family: Family, p: *mut u8) {
    // All ways out are jumps: nothing is kept for what comes after them.
    match fast::release(p.addr()) {
        Released::Yes => {}
        // SAFETY: the caller's promise.
        Released::No => unsafe { release_refused(p, family) },
        // SAFETY: the caller's promise.
        Released::NotHere => unsafe { release_remote(p, family) },
        // SAFETY: the caller's promise.
        Released::Unseen => unsafe { release_unseen(p, family) },
    }
}

/// # Safety
/// As for `release`.
#[inline(never)]
unsafe extern "C" fn release_remote(p: *mut u8, family: Family) {
    if !remote::release_remote(p.addr()) {
        // SAFETY: the caller's promise.
        unsafe { release_slowly(p, family) };
    }
}

/// Some programs free null as often as anything: that needs no frame. The window shows it where it is the lowest one.
///
/// # Safety
/// As for `release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release_refused(p: *mut u8, family: Family) {
    if !p.is_null() {
        // SAFETY: the caller's promise.
        unsafe { release_slowly(p, family) };
    }
}

/// The same where the window does not show it.
///
/// # Safety
/// As for `release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release_unseen(p: *mut u8, family: Family) {
    if !p.is_null() {
        // SAFETY: the caller's promise.
        unsafe { release_elsewhere(p, family) };
    }
}

/// # Safety
/// As for `release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release_elsewhere(p: *mut u8, family: Family) {
    if !fast::release_elsewhere(p.addr()) {
        // SAFETY: the caller's promise.
        unsafe { release_slowly(p, family) };
    }
}

/// # Safety
/// As for `release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release_slowly(p: *mut u8, family: Family) {
    if let Some(unit) = fast::shown(p.addr())
        && let Some((span, usable)) = block_in_use(unit, p.addr())
        && span.is_region()
        && options::perturb() == 0
        && let Some(class) = release::class_of_block(usable)
        && fast::release_block(span.arena.load(Relaxed) as usize, class, p.addr())
    {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { release_at_length(p, family) };
}

/// # Safety
/// As for `release`.
#[inline(never)]
unsafe extern "C" fn release_at_length(p: *mut u8, family: Family) {
    // SAFETY: the caller's promise.
    unsafe {
        if options::checked() {
            checked::free(p, Claim::of(family));
        } else {
            release::release(Operation::Free, p);
        }
    }
    check::tick();
}

/// The same for who says how many bytes were asked for.
///
/// # Safety
/// As for `release`.
#[inline(always)]
pub unsafe fn release_sized(family: Family, p: *mut u8, n: usize) {
    if !fast::release_sized(p.addr(), n) {
        // SAFETY: the caller's promise.
        unsafe { release_sized_slowly(p, n, family) };
    }
}

/// # Safety
/// As for `release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release_sized_slowly(p: *mut u8, n: usize, family: Family) {
    // SAFETY: the caller's promise.
    unsafe { release_claimed(p, Claim::of(family).size(n)) };
}

/// The same for who says something of the block.
///
/// # Safety
/// As for `release`.
pub unsafe fn release_claimed(p: *mut u8, claim: Claim) {
    start::ensure();
    if options::checked() {
        // SAFETY: the caller's promise.
        unsafe { checked::free(p, claim) };
        return check::tick();
    }
    if CHECKED && !p.is_null() {
        claims::look_at(p.addr(), claim);
    }
    // SAFETY: the caller's promise.
    unsafe { release(claim.family, p) };
}

/// The bytes a program may use at `p`; 0 for null.
#[inline]
pub fn usable_size(p: *mut u8) -> usize {
    let unit = match fast::object(p.addr()) {
        Ok(object) => return object.size(),
        Err(unit) => unit,
    };
    if let Some((_, usable)) = unit.and_then(|unit| block_in_use(unit, p.addr())) {
        return usable;
    }
    usable_slowly(p)
}

#[cold]
#[inline(never)]
extern "C" fn usable_slowly(p: *mut u8) -> usize {
    if options::checked() {
        return checked::usable_size(p);
    }
    usable_size_for(Operation::UsableSize, p).unwrap_or(0)
}

/// `p` with room for `n` bytes, moved if need be; its content is kept up to the smaller of both sizes. As glibc does it,
/// null allocates and `n == 0` frees and returns null. Null and `ENOMEM` when there is no memory: `p` is as it was.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more. A pointer that is no block is reported, not followed.
#[inline(always)]
pub unsafe fn resize(p: *mut u8, n: usize) -> *mut u8 {
    if p.is_null() {
        let object = fast::allocate(Operation::Realloc, n);
        if object != 0 {
            return core::ptr::with_exposed_provenance_mut(object);
        }
    } else if let Ok(object) = fast::object(p.addr()) {
        if serves(object.size(), n) {
            object.cache().count_elsewhere(Operation::Realloc);
            return p;
        }
        // SAFETY: the caller's promise.
        return unsafe { if n == 0 { release_resized(object, p) } else { move_object(object, p, n) } };
    }
    // SAFETY: the caller's promise.
    unsafe { resize_slowly(p, n) }
}

/// # Safety
/// As for `resize`.
#[inline(never)]
unsafe fn resize_slowly(p: *mut u8, n: usize) -> *mut u8 {
    if let Some(unit) = fast::shown(p.addr())
        && let Some((span, usable)) = block_in_use(unit, p.addr())
        && let Some(cache) = Cache::mine()
        && hardly_changes(span, usable, n)
    {
        cache.count_elsewhere(Operation::Realloc);
        return p;
    }
    // SAFETY: the caller's promise.
    unsafe { resize_at_length(p, n) }
}

/// # Safety
/// As for `resize`.
#[inline(never)]
unsafe fn resize_at_length(p: *mut u8, n: usize) -> *mut u8 {
    start::ensure();
    if options::checked() {
        // SAFETY: the caller's promise.
        return unsafe { checked::realloc(p, n) };
    }
    check::tick();
    if p.is_null() {
        return serve::allocate_for(Operation::Realloc, n);
    }
    if n == 0 {
        // SAFETY: the caller's promise.
        unsafe { release::release_moved(p) };
        count::count(Operation::Realloc);
        return null_mut();
    }
    if n > REQUEST_MAX {
        return fail();
    }
    // SAFETY: the caller's promise.
    unsafe { resize::resize(p, n) }
}

/// The release that `realloc` to no bytes is.
///
/// # Safety
/// As for `resize`; the object is there.
#[inline(never)]
unsafe fn release_resized(object: fast::Object, p: *mut u8) -> *mut u8 {
    let cache = object.cache();
    if cache.is_open() && object.release(p.addr()) {
        cache.count_moved();
        cache.count_elsewhere(Operation::Realloc);
        return null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { resize_slowly(p, 0) }
}

/// Moves an object to a larger or smaller one.
///
/// # Safety
/// As for `resize`; the object is there.
#[inline(never)]
unsafe fn move_object(object: fast::Object, p: *mut u8, n: usize) -> *mut u8 {
    let cache = object.cache();
    let to = cache.allocate_here(Operation::Move, n).0;
    if to == 0 {
        // SAFETY: the caller's promise.
        return unsafe { resize_slowly(p, n) };
    }
    let new: *mut u8 = core::ptr::with_exposed_provenance_mut(to);
    // SAFETY: two objects in use, not the same, with at least these sizes.
    unsafe {
        new.copy_from_nonoverlapping(p, object.size().min(n));
        if object.release(p.addr()) {
            cache.count_moved();
        } else {
            release::release_moved(p);
        }
    }
    // The object comes from the cache.
    cache.count_elsewhere(Operation::Realloc);
    new
}
