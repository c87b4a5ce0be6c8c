//! The routes: where a request is served, and whom a pointer goes back to.
//!
//! Small sizes get an object of a slab, through the thread's cache; larger ones a block of the free list, and those at or above the
//! cutoff a mapping. Blocks of medium size have classes too, so that the cache can hold them. A pointer that comes in is looked up in
//! the page map first, and nothing behind it is read unless it is ours.

#![allow(unsafe_code)]

use super::{check, density, guard, oom, tuning, watch};
use crate::base::align;
use crate::base::class::{self, SizeClass};
use crate::base::config::{CHECKED, GRAIN, MIN_BLOCK, REQUEST_MAX};
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::cache::cache::Cache;
use crate::cache::fast::Released;
use crate::cache::{count, fast, refill, remote, threads};
use crate::heap::block;
use crate::heap::heap::{self, Fresh};
use crate::heap::page_map::Shown;
use crate::heap::span::{Kind, Span};
use crate::process::{helper_call, options, start, statics};
use crate::report::foreign;
use crate::report::misuse::{self, Wrong};
use crate::route::release;
use crate::slab::arena::Arena;
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::Entry;
use crate::sys::errno;
use crate::sys::linux::Linux;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

mod claims;

/// Whom an address belongs to.
#[derive(Clone, Copy)]
enum Owner {
    /// A slab in a heap's region.
    Slab(Entry),
    /// A heap's region.
    Region(&'static Span),
    /// A mapping.
    Mapping(&'static Span),
    /// The pool of guarded blocks.
    Guarded,
    /// Nobody we know.
    Foreign,
}

/// Whether an address is in nothing of ours.
pub(super) fn is_foreign(address: usize) -> bool {
    matches!(owner(address), Owner::Foreign)
}

fn arena_of(region: &Span) -> &'static Arena<Linux> {
    statics::arena(region.arena.load(Relaxed) as usize)
}

#[inline(always)]
fn owner(address: usize) -> Owner {
    start::ensure();
    let Some(unit) = unit(address) else { return Owner::Foreign };
    if let Some(entry) = unit.slab_entry() {
        return Owner::Slab(entry);
    }
    let Some(span) = unit.span() else { return Owner::Foreign };
    match span.kind() {
        Kind::Region => Owner::Region(span),
        Kind::Guarded => Owner::Guarded,
        // A mapping that somebody is just giving back counts as one: `Mappings` sorts that out.
        Kind::Mapping | Kind::Nothing | Kind::Retained => Owner::Mapping(span),
    }
}

/// The unit of an address: most are in the window.
#[inline(always)]
fn unit(address: usize) -> Option<Shown> {
    fast::shown(address).or_else(|| statics::PAGE_MAP.show(address))
}

/// The heap's region or the mapping that a unit is in, and the usable bytes of the block there, if all is as it should be: it is in use. What is wrong is
/// for others to find out. Only where blocks are not checked.
#[inline(always)]
fn block_in_use(unit: Shown, address: usize) -> Option<(&'static Span, usize)> {
    if unit.slab_entry().is_some() {
        return None;
    }
    let span = unit.span()?;
    match span.kind() {
        // SAFETY: the page map's region.
        Kind::Region => match unsafe { heap::usable_size(span, address) } {
            // SAFETY: the heap has a block there.
            Ok(usable) if usable < class::SLAB_MAX || !unsafe { key::is_set(address) } => Some((span, usable)),
            _ => None,
        },
        Kind::Mapping if span.start() == address => Some((span, span.len())),
        _ => None,
    }
}

pub(super) fn fail() -> *mut u8 {
    errno::set_errno(libc::ENOMEM);
    null_mut()
}

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

/// The same for another operation.
fn allocate_for(operation: Operation, n: usize) -> *mut u8 {
    match fast::allocate(operation, n) {
        0 => serve(operation, n, GRAIN, false),
        object => core::ptr::with_exposed_provenance_mut(object),
    }
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
    if options::watched() {
        return watch::malloc(family, n);
    }
    serve(Operation::Malloc, n, GRAIN, false)
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
    if options::watched() {
        return watch::aligned_alloc(family, n, align);
    }
    serve(Operation::Aligned, n, align, false)
}

/// Serves an aligned request from a slab of its class: in a mixed one an object may stand anywhere, as this one does.
#[cold]
fn serve_instead(operation: Operation, object: usize, n: usize, align: usize, zero: bool) -> *mut u8 {
    // SAFETY: it was taken just now, and nobody has seen it.
    unsafe { release_for(Operation::Move, core::ptr::with_exposed_provenance_mut(object)) };
    // It was counted as served, and will be again.
    count::uncount(operation);
    let class = SizeClass::for_aligned(n, align);
    let aligned = class.and_then(|class| statics::arena(statics::home()).enter(operation)?.take_aligned(class));
    let Some(aligned) = aligned else { return serve_block(operation, n, n, align, zero) };
    count::count(operation);
    // SAFETY: an object that was taken just now.
    unsafe { key::clear(aligned) };
    fill(aligned, class.map_or(n, SizeClass::size), n, zero)
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
    if options::watched() {
        return watch::calloc(n, align);
    }
    serve(Operation::Calloc, n, align, true)
}

/// Serves a request that the thread's cache did not serve at once.
#[inline(never)]
pub(super) fn serve(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    start::ensure();
    check::tick();
    let class = if align <= GRAIN { SizeClass::for_size(n) } else { SizeClass::for_aligned(n, align) };
    if guard::is_asked()
        && !options::watched()
        && let Some(block) = guard::sample(operation, Family::Malloc, n, align)
    {
        return fill(block, n, n, zero);
    }
    let class = class.filter(|_| options::slabs());
    if let Some(class) = class.filter(|class| class.has_slabs())
        && let Some(object) = serve_object(operation, class)
    {
        if !align::is(object, align) {
            return serve_instead(operation, object, n, align, zero);
        }
        return fill(object, class.size(), n, zero);
    }
    let span = n.checked_add(if align > GRAIN { align } else { 0 });
    if span.is_none_or(|bytes| bytes >= options::cutoff()) {
        if n > REQUEST_MAX {
            return fail();
        }
        return serve_mapping(operation, n, align, zero);
    }
    // Rounded up to its class a block can go into the cache when it is freed.
    let medium = class.filter(|class| !class.has_slabs() && align <= GRAIN && options::caches());
    if let Some(class) = medium {
        let block = fast::allocate_class_anyhow(operation, class);
        if block != 0 {
            return fill(block, usable_of(block), n, zero);
        }
        refill::missed(class);
    }
    serve_block(operation, n, medium.map_or(n, SizeClass::size), align, zero)
}

/// An object of a slab.
fn serve_object(operation: Operation, class: SizeClass) -> Option<usize> {
    let object = match threads::cache() {
        Some(cache) => match fast::allocate_class_anyhow(operation, class) {
            0 if refill::fill(cache, class) => fast::allocate_class_anyhow(operation, class),
            object => object,
        },
        None => {
            let object = statics::arena(statics::home()).enter(operation)?.take_one(class)?;
            count::count(operation);
            // SAFETY: an object that was taken just now.
            unsafe { key::clear(object) };
            object
        }
    };
    (object != 0).then_some(object)
}

/// A block of the free list of at least `room` bytes, `n` of which were asked for.
fn serve_block(operation: Operation, n: usize, room: usize, align: usize, zero: bool) -> *mut u8 {
    let Some(mut heap) = statics::arena(statics::home()).enter(operation) else {
        return serve_aside(operation, n, align, zero);
    };
    let fresh = heap.alloc_aligned(room, align);
    drop(heap);
    match fresh.or_else(|| from_any_arena(n, align)) {
        Some(fresh) => {
            count::count(operation);
            hand_out(fresh, n, zero)
        }
        // Where no region fits any more a small mapping may.
        None => serve_mapping(operation, n, align, zero),
    }
}

/// Serves where the thread's home must not be waited for: a fork has it frozen, or this signal handler interrupted it.
#[cold]
#[inline(never)]
fn serve_aside(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    let fresh = statics::arena_aside().and_then(|aside| aside.enter(operation)?.alloc_aligned(n, align));
    match fresh {
        Some(fresh) => {
            count::count(operation);
            hand_out(fresh, n, zero)
        }
        None => serve_mapping(operation, n, align, zero),
    }
}

fn hand_out(fresh: Fresh, n: usize, zero: bool) -> *mut u8 {
    if fresh.dirty != 0 {
        // It may have been in a cache once, and may grow to a size of which that is asked.
        // SAFETY: a block that was taken just now.
        unsafe { key::clear(fresh.block) };
    }
    fill(fresh.block, fresh.dirty, n, zero)
}

/// The bytes of a heap block in use that was in a cache.
fn usable_of(block: usize) -> usize {
    // SAFETY: the page map's region.
    statics::PAGE_MAP.get(block).and_then(|region| unsafe { heap::usable_size(region, block) }.ok()).unwrap_or(0)
}

/// The system has no more memory: an arena may have a hole, or room to grow.
#[cold]
#[inline(never)]
fn from_any_arena(n: usize, align: usize) -> Option<Fresh> {
    statics::arenas().find_map(|arena| {
        let mut heap = arena.enter(Operation::Other)?;
        // An arena without regions has no hole either, and a first region is what could not be had.
        if heap.figures().held == 0 { None } else { heap.alloc_aligned(n, align) }
    })
}

/// A block for the program, which asked for `n` bytes: zeroed, as far as it may be used, or filled if that was asked for.
#[inline]
fn fill(block: usize, dirty: usize, n: usize, zero: bool) -> *mut u8 {
    let p: *mut u8 = core::ptr::with_exposed_provenance_mut(block);
    // SAFETY: the block is ours and has `n` bytes, and `dirty`; what is behind these is zero.
    unsafe {
        if zero || options::zeroes() {
            p.write_bytes(0, dirty);
        } else if options::perturb() != 0 {
            p.write_bytes(!options::perturb(), n);
        }
    }
    p
}

#[cold]
#[inline(never)]
fn serve_mapping(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    // Again in any case: a call may fail for once.
    let again = || {
        tuning::release_regions_for(n);
        statics::MAPPINGS.alloc(n, align)
    };
    let Some(span) = statics::MAPPINGS.alloc(n, align).or_else(again) else {
        // What the system does not have the heaps may: freed memory that they keep.
        return match from_any_arena(n, align) {
            Some(fresh) => {
                count::count(operation);
                hand_out(fresh, n, zero)
            }
            None => {
                let again = || serve(operation, n, align, zero);
                oom::retry(n, oom::beside_forks(fail(), again), again)
            }
        };
    };
    count::count(operation);
    // It is zero.
    fill(span.start(), 0, n, zero)
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
    if options::watched() {
        // SAFETY: the caller's promise.
        return unsafe { watch::free(p, Claim::of(family)) };
    }
    // SAFETY: the caller's promise.
    unsafe { release_for(Operation::Free, p) };
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
    if options::watched() {
        // SAFETY: the caller's promise.
        return unsafe { watch::free(p, claim) };
    }
    if CHECKED && !p.is_null() {
        claims::look_at(p.addr(), claim);
    }
    // SAFETY: the caller's promise.
    unsafe { release(claim.family, p) };
}

/// # Safety
/// As for `release`.
#[inline]
pub(super) unsafe fn release_for(operation: Operation, p: *mut u8) {
    if p.is_null() {
        return;
    }
    let address = p.addr();
    match owner(address) {
        Owner::Slab(entry) => release_object(operation, entry, address),
        // SAFETY: the page map's region.
        Owner::Region(region) => unsafe { release_block(operation, region, address) },
        Owner::Mapping(span) => release_mapping(operation, span, address),
        Owner::Guarded => guard::release(operation, address),
        Owner::Foreign => foreign::free(p),
    }
    check::tick();
}

#[inline]
fn release_object(operation: Operation, entry: Entry, address: usize) {
    if options::perturb() != 0 {
        perturb_object(entry, address);
    }
    release::release_object(operation, entry, address);
}

#[cold]
fn perturb_object(entry: Entry, address: usize) {
    if entry.is_out(address)
        && let Some(object) = entry.object_at(address)
        // SAFETY: an object starts there.
        && !unsafe { key::is_set(address) }
    {
        // SAFETY: that object, which its owner is giving up.
        unsafe { perturb_freed(address, object.class.size()) };
    }
}

/// # Safety
/// A block in use of so many bytes is there, which its owner is giving up.
unsafe fn perturb_freed(address: usize, usable: usize) {
    // SAFETY: the caller's promise.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(address).write_bytes(options::perturb(), usable) };
}

/// Whether a heap block is free already, in a thread's cache, where the heap has it in use. Reports that.
///
/// # Safety
/// A heap block of so many bytes is at the address.
unsafe fn is_in_a_cache(operation: Operation, usable: usize, address: usize) -> bool {
    // SAFETY: the caller's promise.
    let is = usable >= class::SLAB_MAX && unsafe { misuse::has_key(address) };
    if is {
        misuse::report(operation, address, Wrong::Object(ObjectMisuse::Freed(usable)));
    }
    is
}

/// # Safety
/// The region is what the page map has at the address.
unsafe fn release_block(operation: Operation, region: &'static Span, address: usize) {
    // SAFETY: the caller's promise.
    if let Ok(usable) = unsafe { heap::usable_size(region, address) } {
        // SAFETY: the heap has a block there.
        if unsafe { is_in_a_cache(operation, usable, address) } {
            return;
        }
        if options::perturb() != 0 {
            // SAFETY: in use, and being given up.
            unsafe { perturb_freed(address, usable) };
        }
        if usable >= class::SLAB_MAX
            // SAFETY: in use and in no cache, as was seen above, and being given up.
            && unsafe { release::release_block(operation, region.arena.load(Relaxed) as usize, usable, address) }
        {
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { release_to_heap(operation, region, address) };
}

/// # Safety
/// As for `release_block`.
#[cold]
#[inline(never)]
unsafe fn release_to_heap(operation: Operation, region: &'static Span, address: usize) {
    let arena = arena_of(region);
    // SAFETY: the caller's promise.
    let usable = unsafe { heap::usable_size(region, address) }.unwrap_or(0);
    let is_touched = density::is_touched(address, usable);
    count::count(operation);
    match arena.enter(operation) {
        Some(mut heap) => {
            if is_touched {
                heap.was_touched(address, usable);
            }
            let result = heap.free(address);
            drop(heap);
            if let Err(wrong) = result {
                misuse::report(Operation::Free, address, Wrong::Block(region, wrong));
            }
            helper_call::look(region.arena.load(Relaxed) as usize);
        }
        // SAFETY: the caller's promise.
        None => match unsafe { heap::usable_size(region, address) } {
            Ok(usable) => {
                // SAFETY: a block in use of these bytes, which its owner is giving up.
                unsafe {
                    if usable >= class::SLAB_MAX {
                        key::set(address);
                    }
                    arena.defer(address);
                }
            }
            Err(wrong) => misuse::report(Operation::Free, address, Wrong::Block(region, wrong)),
        },
    }
}

#[cold]
#[inline(never)]
fn release_mapping(operation: Operation, span: &'static Span, address: usize) {
    if span.start() != address {
        return misuse::report(operation, address, Wrong::Mapping(span));
    }
    let bytes = span.len();
    density::look_at_mapping(address, span.wanted());
    if !statics::MAPPINGS.free(span) {
        return misuse::report(operation, address, Wrong::FreedMapping(bytes));
    }
    count::count(operation);
    options::learn_cutoff(bytes);
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
    if options::watched() {
        return watch::usable_size(p);
    }
    usable_size_for(Operation::UsableSize, p).unwrap_or(0)
}

/// `None` for what is no block in use: that has been reported.
pub(super) fn usable_size_for(operation: Operation, p: *mut u8) -> Option<usize> {
    if p.is_null() { Some(0) } else { usable_by(owner(p.addr()), operation, p) }
}

/// The same where the owner is known.
#[inline(always)]
fn usable_by(owner: Owner, operation: Operation, p: *mut u8) -> Option<usize> {
    let address = p.addr();
    let wrong = match owner {
        Owner::Slab(entry) => return usable_object(operation, entry, address),
        // SAFETY: the page map's region.
        Owner::Region(region) => match unsafe { heap::usable_size(region, address) } {
            // SAFETY: the heap has a block there.
            Ok(usable) => return Some(usable).filter(|_| !unsafe { is_in_a_cache(operation, usable, address) }),
            Err(wrong) => Wrong::Block(region, wrong),
        },
        Owner::Mapping(span) if span.start() == address => return Some(span.len()),
        Owner::Guarded => return guard::usable_size(operation, address),
        Owner::Mapping(span) => Wrong::Mapping(span),
        Owner::Foreign => return foreign::usable_size(operation, p),
    };
    misuse::report(operation, address, wrong);
    None
}

/// The bytes of an object that the program names; `None` if it is none in use: that has been reported.
#[inline]
fn usable_object(operation: Operation, entry: Entry, address: usize) -> Option<usize> {
    let wrong = match entry.object_at(address) {
        // SAFETY: that object.
        Some(object) if entry.is_out(address) && !unsafe { misuse::has_key(address) } => {
            return Some(object.class.size());
        }
        Some(object) => ObjectMisuse::Freed(object.class.size()),
        None => interior(entry, address),
    };
    misuse::report(operation, address, Wrong::Object(wrong));
    None
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
            release_moved(p);
        }
    }
    // The object comes from the cache.
    cache.count_elsewhere(Operation::Realloc);
    new
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

/// Whether a block or a mapping that is to be resized to `n` bytes stays as it is without more ado.
#[inline(always)]
fn hardly_changes(span: &Span, usable: usize, n: usize) -> bool {
    if span.is_region() { n <= usable && usable - n < usable / 8 } else { n != 0 && statics::MAPPINGS.keep(span, n) }
}

/// # Safety
/// As for `resize`.
#[inline(never)]
unsafe fn resize_at_length(p: *mut u8, n: usize) -> *mut u8 {
    start::ensure();
    if options::watched() {
        // SAFETY: the caller's promise.
        return unsafe { watch::realloc(p, n) };
    }
    if p.is_null() {
        return allocate_for(Operation::Realloc, n);
    }
    if n == 0 {
        // SAFETY: the caller's promise.
        unsafe { release_moved(p) };
        count::count(Operation::Realloc);
        return null_mut();
    }
    if n > REQUEST_MAX {
        return fail();
    }
    check::tick();
    let owner = owner(p.addr());
    if matches!(owner, Owner::Foreign) {
        return foreign::realloc(p, n);
    }
    let Some(size) = usable_by(owner, Operation::Realloc, p) else {
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
    let resized = oom::retry(n, oom::beside_forks(oom::unasked(resize), resize), resize);
    if !resized.is_null() {
        count::count(Operation::Realloc);
    }
    resized
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
        Owner::Mapping(span) if span.start() == address => resize_mapping(span, n),
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
fn serves(size: usize, n: usize) -> bool {
    n <= size && 3 * n + 2 * GRAIN > 2 * size
}

/// Whether a block of so many bytes that is to be resized to `n` serves as it is, so that there is nothing to do.
#[inline]
fn stays(owner: Owner, size: usize, n: usize) -> bool {
    match owner {
        Owner::Slab(_) => serves(size, n),
        Owner::Region(_) => n <= size && size < block_room(n),
        Owner::Mapping(span) => statics::MAPPINGS.keep(span, n),
        Owner::Guarded | Owner::Foreign => false,
    }
}

/// The bytes to ask the heap for where `n` are wanted, and no alignment: as many as the class has, so that the block can go into a cache when it is
/// freed, and grow a little where it is.
fn room(n: usize) -> usize {
    SizeClass::for_size(n).filter(|class| !class.has_slabs()).map_or(n, SizeClass::size)
}

/// More than a block of the heap that was made for `n` bytes may have.
fn block_room(n: usize) -> usize {
    let room = room(n);
    block::size_for(room).unwrap_or(room) + MIN_BLOCK
}

/// In place, or not at all.
fn resize_block(region: &'static Span, address: usize, n: usize) -> Option<*mut u8> {
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
        Ok(Some(_)) => Some(core::ptr::with_exposed_provenance_mut(address)),
        Ok(None) => None,
        Err(wrong) => {
            misuse::report(Operation::Realloc, address, Wrong::Block(region, wrong));
            None
        }
    }
}

/// By moving pages. What has become much smaller than the cutoff moves into a heap instead.
fn resize_mapping(span: &'static Span, n: usize) -> Option<*mut u8> {
    if n < options::cutoff() / 2 {
        return None;
    }
    let start = statics::MAPPINGS.resize(span, n)?;
    Some(core::ptr::with_exposed_provenance_mut(start))
}

/// Takes a block back as a part of a realloc.
///
/// # Safety
/// As for `release`.
#[inline(never)]
unsafe fn release_moved(p: *mut u8) {
    let released = match fast::release(p.addr()) {
        Released::Unseen => fast::release_elsewhere(p.addr()),
        released => matches!(released, Released::Yes),
    };
    if released {
        count::count_moved(Operation::Move);
    } else {
        // SAFETY: the caller's promise.
        unsafe { release_for(Operation::Move, p) };
    }
}

/// # Safety
/// As for `resize`.
unsafe fn resize_by_copy(p: *mut u8, n: usize) -> *mut u8 {
    let Some(old) = usable_size_for(Operation::Realloc, p) else { return fail() };
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
