//! The entries: what malloc, free, realloc and the others do. First come the fast paths, in the
//! thread's cache. What a cache does not serve follows in functions of its own: the checked route where
//! blocks are checked, and else the routes.

#![allow(unsafe_code)]

use super::recorded;
use crate::base::class::{self, SizeClass};
use crate::base::config::{CHECKED, GRAIN, REQUEST_MAX};
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::base::{align, pointer};
use crate::cache::cache::Cache;
use crate::cache::count;
use crate::cache::fast::{self, Pushed};
use crate::debug::{check, checked};
use crate::heap::page_map::UnitPlace;
use crate::process::{options, start};
use crate::record::recorder::Call;
use crate::route::owner::block_in_use;
use crate::route::resize::{self, hardly_changes, serves};
use crate::route::serve::{self, fail, serve_instead};
use crate::route::{claims, release};
use core::ptr::null_mut;

/// `n` bytes. Null and `ENOMEM` when there is no memory, or when `n` is more than the address space.
#[inline(always)]
pub fn malloc(n: usize) -> *mut u8 {
    match fast::pop(Operation::Malloc, n) {
        0 => malloc_slowly(n),
        object => pointer::at_mut(object),
    }
}

/// The same for `operator new`.
#[inline(always)]
pub fn operator_new(n: usize) -> *mut u8 {
    match fast::pop(Operation::Malloc, n) {
        0 => operator_new_slowly(n),
        object => pointer::at_mut(object),
    }
}

#[cold]
#[inline(never)]
extern "C" fn operator_new_slowly(n: usize) -> *mut u8 {
    match fast::pop_block(Operation::Malloc, n) {
        0 => malloc_uncached(n, Family::New),
        block => pointer::at_mut(block),
    }
}

#[cold]
#[inline(never)]
extern "C" fn malloc_slowly(n: usize) -> *mut u8 {
    // The fast path takes a request of zero bytes for a huge one.
    let object = match n {
        0 => fast::pop_for_zero(Operation::Malloc),
        _ => fast::pop_block(Operation::Malloc, n),
    };
    if object == 0 { malloc_uncached(n, Family::Malloc) } else { pointer::at_mut(object) }
}

/// The entry of a family, for a call that is served within its recording.
fn malloc_of(family: Family, n: usize) -> *mut u8 {
    if family == Family::Malloc { malloc(n) } else { operator_new(n) }
}

#[inline(never)]
fn malloc_uncached(n: usize, family: Family) -> *mut u8 {
    let counted = fast::pop_counted(Operation::Malloc, n);
    if counted != 0 {
        return pointer::at_mut(counted);
    }
    start::ensure();
    if let Some(p) = recorded::allocation(recorded::of(family, Call::Malloc), n, 0, || malloc_of(family, n)) {
        return p;
    }
    check::tick();
    if options::checked() {
        return checked::malloc(family, n);
    }
    serve::serve(Operation::Malloc, n, GRAIN, false)
}

/// The same aligned to `align`, a power of two.
pub fn aligned_alloc(family: Family, n: usize, align: usize) -> *mut u8 {
    let object = fast::pop(Operation::Aligned, class::aligned_size(n, align));
    if object != 0 {
        return if align::is(object, align) {
            pointer::at_mut(object)
        } else {
            serve_instead(Operation::Aligned, object, n, align, false)
        };
    }
    aligned_alloc_slowly(family, n, align)
}

#[inline(never)]
fn aligned_alloc_slowly(family: Family, n: usize, align: usize) -> *mut u8 {
    start::ensure();
    if let Some(p) = recorded::allocation(Call::Aligned, n, align, || aligned_alloc(family, n, align)) {
        return p;
    }
    check::tick();
    if options::checked() {
        return checked::aligned_alloc(family, n, align);
    }
    serve::serve(Operation::Aligned, n, align, false)
}

/// `n` bytes that are zero.
#[inline]
pub fn calloc(n: usize, align: usize) -> *mut u8 {
    if align <= GRAIN {
        let object = fast::pop(Operation::Calloc, n);
        if object != 0 {
            let p: *mut u8 = pointer::at_mut(object);
            // SAFETY: the object has room for `n` bytes.
            unsafe { p.write_bytes(0, n) };
            return p;
        }
    }
    calloc_slowly(n, align)
}

/// The same, and all bytes that `usable_size` counts are zero: programs ask for that size and use it.
#[inline]
pub fn calloc_whole(n: usize) -> *mut u8 {
    let (object, size) = fast::pop_to_zero(Operation::Calloc, n);
    if object == 0 {
        return calloc_slowly(n, GRAIN);
    }
    let p: *mut u8 = pointer::at_mut(object);
    // SAFETY: the object has `size` bytes.
    unsafe { p.write_bytes(0, size) };
    p
}

#[inline(never)]
fn calloc_slowly(n: usize, align: usize) -> *mut u8 {
    let counted = if align <= GRAIN { fast::pop_counted(Operation::Calloc, n) } else { 0 };
    if counted != 0 {
        let p: *mut u8 = pointer::at_mut(counted);
        // SAFETY: the object has the bytes of its class. `calloc_whole` has promised all of them.
        unsafe { p.write_bytes(0, SizeClass::for_size(n).map_or(n, SizeClass::size)) };
        return p;
    }
    start::ensure();
    let whole = || if align <= GRAIN { calloc_whole(n) } else { calloc(n, align) };
    if let Some(p) = recorded::allocation(Call::Calloc, n, if align <= GRAIN { 0 } else { align }, whole) {
        return p;
    }
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
pub unsafe fn free(family: Family, p: *mut u8) {
    // All ways out are jumps, so nothing is kept for afterwards.
    match fast::push(p.addr()) {
        Pushed::Yes => {}
        // SAFETY: the caller's promise.
        Pushed::Refused(cache, unit) => unsafe { free_refused(p, family, cache, unit.place()) },
        Pushed::NotHome(head, unit) => match head.open_cache() {
            Some(cache) if fast::push_remote(cache, unit, p.addr()) => {}
            // SAFETY: the caller's promise.
            Some(cache) => unsafe { free_refused(p, family, cache, unit.place()) },
            // SAFETY: the caller's promise.
            None => unsafe { free_not_near(p, family) },
        },
        // SAFETY: the caller's promise.
        Pushed::NotNear => unsafe { free_not_near(p, family) },
    }
}

/// Frees a heap block, or what the fast paths have not taken. Null needs no frame, as some programs free it as often as
/// anything else. The near leaf shows it if that is the lowest leaf. The gate of the cache is open.
///
/// # Safety
/// As for `free`.
#[inline(never)]
unsafe fn free_refused(p: *mut u8, family: Family, cache: &'static Cache, place: UnitPlace) {
    if !p.is_null() && !fast::push_block(cache, place.unit(), p.addr()) {
        // SAFETY: the caller's promise.
        unsafe { free_at_length(p, family) };
    }
}

/// Frees what the near leaf does not show, or while the cache cannot be used.
///
/// # Safety
/// As for `free`.
#[cold]
#[inline(never)]
unsafe extern "C" fn free_not_near(p: *mut u8, family: Family) {
    if !p.is_null() {
        // SAFETY: the caller's promise.
        unsafe { free_far(p, family) };
    }
}

/// # Safety
/// As for `free`.
#[cold]
#[inline(never)]
unsafe extern "C" fn free_far(p: *mut u8, family: Family) {
    if !fast::push_far(p.addr()) {
        // SAFETY: the caller's promise.
        unsafe { free_at_length(p, family) };
    }
}

/// # Safety
/// As for `free`.
#[cold]
#[inline(never)]
unsafe extern "C" fn free_at_length(p: *mut u8, family: Family) {
    // SAFETY: the caller's promise.
    if recorded::freeing(family, p, || unsafe { free_called(p, family) }) {
        return;
    }
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

/// `operator delete` with a size, as far as the fast path serves it: false if it does not, or if it is not known yet that
/// the program has no `operator delete` of its own.
///
/// # Safety
/// As for `free`.
#[inline(always)]
pub unsafe fn delete_sized(p: *mut u8, n: usize) -> bool {
    fast::push_deleted(p.addr(), n)
}

/// `free_sized`, as far as the fast path serves it.
///
/// # Safety
/// As for `free`.
#[inline(always)]
pub unsafe fn push_sized(p: *mut u8, n: usize) -> bool {
    fast::push_sized(p.addr(), n)
}

/// Says that the program has no `operator delete` of its own.
pub fn serve_deletes() {
    if let Some(cache) = Cache::mine() {
        cache.serve_deletes();
    }
}

/// The same for a caller that passes the size it asked for.
///
/// # Safety
/// As for `free`.
#[inline(always)]
pub unsafe fn free_sized(family: Family, p: *mut u8, n: usize) {
    if !fast::push_sized(p.addr(), n) {
        // SAFETY: the caller's promise.
        unsafe { free_sized_slowly(p, n, family) };
    }
}

/// # Safety
/// As for `free`.
#[cold]
#[inline(never)]
unsafe extern "C" fn free_sized_slowly(p: *mut u8, n: usize, family: Family) {
    // SAFETY: the caller's promise.
    unsafe { free_claimed(p, Claim::of(family).size(n)) };
}

/// The same for a caller that claims something of the block.
///
/// # Safety
/// As for `free`.
pub unsafe fn free_claimed(p: *mut u8, claim: Claim) {
    start::ensure();
    // SAFETY: the caller's promise.
    if recorded::freeing(claim.family, p, || unsafe { free_claimed(p, claim) }) {
        return;
    }
    if options::checked() {
        // SAFETY: the caller's promise.
        unsafe { checked::free(p, claim) };
        return check::tick();
    }
    if CHECKED && !p.is_null() {
        claims::look_at(p.addr(), claim);
    }
    // SAFETY: the caller's promise.
    unsafe { free_called(p, claim.family) };
}

/// The same as `free`, not inlined: for what is rarely called.
///
/// # Safety
/// As for `free`.
#[inline(never)]
pub unsafe fn free_called(p: *mut u8, family: Family) {
    // SAFETY: the caller's promise.
    unsafe { free(family, p) };
}

/// Resizes the block `p` to `n` bytes, and moves it if need be. The content is kept up to the smaller
/// of both sizes. As in glibc, null allocates, and `n == 0` frees and returns null. Null and `ENOMEM`
/// when there is no memory: `p` is as it was.
///
/// # Safety
/// Unless this fails, nothing may use the old block any more. A pointer that is no block is reported, not followed.
#[inline(always)]
pub unsafe fn realloc(p: *mut u8, n: usize) -> *mut u8 {
    if p.is_null() {
        return match fast::pop(Operation::Realloc, n) {
            0 => realloc_null(n),
            object => pointer::at_mut(object),
        };
    }
    if let Ok(object) = fast::object(p.addr()) {
        if serves(object.size(), n) {
            object.cache().count_elsewhere(Operation::Realloc);
            return p;
        }
        // SAFETY: the caller's promise.
        return unsafe { if n == 0 { free_resized(object, p) } else { move_object(object, p, n) } };
    }
    // SAFETY: the caller's promise.
    unsafe { realloc_slowly(p, n) }
}

/// `realloc` of null, where the cache has nothing at once.
#[inline(never)]
fn realloc_null(n: usize) -> *mut u8 {
    match fast::pop_counted(Operation::Realloc, n) {
        // SAFETY: there is no block.
        0 => unsafe { realloc_at_length(null_mut(), n) },
        object => pointer::at_mut(object),
    }
}

/// # Safety
/// As for `realloc`.
#[inline(never)]
unsafe fn realloc_slowly(p: *mut u8, n: usize) -> *mut u8 {
    if let Some(unit) = fast::near_unit(p.addr())
        && let Some(block) = block_in_use(unit, p.addr())
        && let Some(cache) = Cache::mine()
        && hardly_changes(&block, n)
    {
        cache.count_elsewhere(Operation::Realloc);
        return p;
    }
    // SAFETY: the caller's promise.
    unsafe { realloc_at_length(p, n) }
}

/// # Safety
/// As for `realloc`.
#[inline(never)]
unsafe fn realloc_at_length(p: *mut u8, n: usize) -> *mut u8 {
    start::ensure();
    // SAFETY: the caller's promise.
    if let Some(p) = recorded::resizing(p, n, || unsafe { realloc(p, n) }) {
        return p;
    }
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

/// Frees an object for a `realloc` to zero bytes.
///
/// # Safety
/// As for `realloc`; the object is there.
#[inline(never)]
unsafe fn free_resized(object: fast::Object, p: *mut u8) -> *mut u8 {
    let cache = object.cache();
    if cache.is_open() && object.push(p.addr()) {
        cache.count_moved();
        cache.count_elsewhere(Operation::Realloc);
        return null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { realloc_slowly(p, 0) }
}

/// Moves an object to a larger or smaller one.
///
/// # Safety
/// As for `realloc`; the object is there.
#[inline(never)]
unsafe fn move_object(object: fast::Object, p: *mut u8, n: usize) -> *mut u8 {
    let cache = object.cache();
    let to = cache.pop(Operation::Move, n).0;
    if to == 0 {
        // SAFETY: the caller's promise.
        return unsafe { realloc_slowly(p, n) };
    }
    let new: *mut u8 = pointer::at_mut(to);
    // SAFETY: two objects in use, not the same, with at least these sizes.
    unsafe {
        new.copy_from_nonoverlapping(p, object.size().min(n));
        if object.push(p.addr()) {
            cache.count_moved();
        } else {
            release::release_moved(p);
        }
    }
    // The pop and the push were counted as moves. This counts the realloc.
    cache.count_elsewhere(Operation::Realloc);
    new
}
