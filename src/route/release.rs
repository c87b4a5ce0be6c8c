//! Where a pointer goes back to.

#![allow(unsafe_code)]

use super::owner::{Owner, arena_of, is_in_a_cache, owner};
use crate::base::class::{self, SLAB_MAX, SizeClass};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::cache::cache::Cache;
use crate::cache::fast::Pushed;
use crate::cache::{count, fast, refill, threads};
use crate::heap::headers;
use crate::heap::range_record::RangeRecord;
use crate::process::{helper_call, options, profiling, statics};
use crate::profile::sample;
use crate::report::foreign;
use crate::report::misuse::{self, Wrong};
use crate::route::{compartments, density, guard};
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::{Entry, Object};
use core::sync::atomic::Ordering::Relaxed;

/// Takes a pointer back; null is fine.
///
/// # Safety
/// Nothing may use the block any more. A pointer that is no block is reported, not followed.
#[inline]
pub unsafe fn release(operation: Operation, p: *mut u8) {
    if p.is_null() {
        return;
    }
    let address = p.addr();
    match owner(address) {
        Owner::Slab(entry) => release_object(operation, entry, address),
        // SAFETY: the page map's region.
        Owner::Region(region) => unsafe { release_block(operation, region, address) },
        Owner::Mapping(record) => release_mapping(operation, record, address),
        Owner::Compartment(region) if sample::owns(region) => release_sample(operation, region, address),
        Owner::Compartment(region) => compartments::release(operation, region, address),
        Owner::Destroyed(range) => compartments::report_destroyed(operation.name(), range, address),
        Owner::Guarded => guard::release(operation, address),
        Owner::Foreign => foreign::free(p),
    }
}

/// Releases a sample of the profile, and the object that has kept its place.
#[cold]
#[inline(never)]
fn release_sample(operation: Operation, region: &'static RangeRecord, address: usize) {
    let anchor = sample::forget(address);
    compartments::release(operation, region, address);
    if anchor != 0 {
        // SAFETY: an object that nobody has any more.
        unsafe { release_moved(pointer::at_mut(anchor)) };
    }
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
/// A block in use of `usable` bytes is there, which its owner is giving up.
unsafe fn perturb_freed(address: usize, usable: usize) {
    // SAFETY: the caller's promise.
    unsafe { pointer::at_mut::<u8>(address).write_bytes(options::perturb(), usable) };
}

/// # Safety
/// The region is the page map's for the address.
unsafe fn release_block(operation: Operation, region: &'static RangeRecord, address: usize) {
    // SAFETY: the caller's promise.
    if let Ok(usable) = unsafe { headers::usable_size(region, address) } {
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
            && unsafe { keep_block(operation, region.arena.load(Relaxed) as usize, usable, address) }
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
unsafe fn release_to_heap(operation: Operation, region: &'static RangeRecord, address: usize) {
    let arena = arena_of(region);
    // SAFETY: the caller's promise.
    let usable = unsafe { headers::usable_size(region, address) }.unwrap_or(0);
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
        None => match unsafe { headers::usable_size(region, address) } {
            Ok(usable) => {
                // SAFETY: a block in use of `usable` bytes, which its owner is giving up.
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
fn release_mapping(operation: Operation, record: &'static RangeRecord, address: usize) {
    if record.start() != address {
        return misuse::report(operation, address, Wrong::Mapping(record));
    }
    let bytes = record.len();
    density::look_at_mapping(address, record.wanted());
    if profiling::is_asked() {
        sample::forget(address);
    }
    if !statics::MAPPINGS.free(record) {
        return misuse::report(operation, address, Wrong::FreedMapping(bytes));
    }
    count::count(operation);
    options::learn_cutoff(bytes);
}

/// Takes a block back as a part of a realloc.
///
/// # Safety
/// As for `release`.
#[inline(never)]
pub unsafe fn release_moved(p: *mut u8) {
    let released = match fast::push(p.addr()) {
        Pushed::NotNear => fast::push_far(p.addr()),
        released => matches!(released, Pushed::Yes),
    };
    if released {
        count::count_moved(Operation::Move);
    } else {
        // SAFETY: the caller's promise.
        unsafe { release(Operation::Move, p) };
    }
}

/// Releases an object that the fast path did not take. `entry` is that of its unit.
#[cold]
#[inline(never)]
fn release_object(operation: Operation, entry: Entry, address: usize) {
    if options::perturb() != 0 {
        perturb_object(entry, address);
    }
    let Some(object @ Object { class, .. }) = entry.object_at(address) else {
        return misuse::report(operation, address, Wrong::Object(interior(entry, address)));
    };
    // SAFETY: an object starts there.
    if unsafe { key::is_set(address) } || !entry.has_out(object) {
        return misuse::report(operation, address, Wrong::Object(ObjectMisuse::Freed(class.size())));
    }
    if let Some(cache) = threads::cache() {
        if entry.arena() != cache.home() {
            if refill::push_remote_with_room(cache, address) {
                count::count_moved(operation);
                return;
            }
        } else if push_with_room(cache, class, address) {
            count::count_moved(operation);
            return;
        }
    }
    release_to_arena(operation, entry, address);
}

/// Releases an object to its arena, without a cache.
fn release_to_arena(operation: Operation, entry: Entry, address: usize) {
    let arena = statics::arena(entry.arena());
    count::count(operation);
    match arena.enter(operation) {
        Some(mut entered) => {
            let result = entered.give(address);
            if result.is_ok() && statics::PAGE_MAP.slab_entry(address).is_some() {
                // SAFETY: an object that was given back just now, of a slab that is still there: the arena is locked.
                unsafe {
                    key::set(address);
                }
            }
            drop(entered);
            if let Err(wrong) = result {
                misuse::report(operation, address, Wrong::Object(wrong));
            }
            helper_call::look(entry.arena());
        }
        None => {
            // SAFETY: an object that is out, which its owner is giving up.
            unsafe {
                key::set(address);
                arena.defer(address);
            }
        }
    }
}

/// Puts a heap block whose size is that of a class into the calling thread's cache. False where that is not possible.
///
/// # Safety
/// A block of the arena's heap with `usable` usable bytes is there, in use and in no cache, and
/// nothing uses it any more.
unsafe fn keep_block(operation: Operation, arena: usize, usable: usize, address: usize) -> bool {
    let Some(cache) = threads::cache().filter(|cache| cache.home() == arena) else { return false };
    let Some(class) = class_of_block(usable) else { return false };
    let released = push_with_room(cache, class, address);
    if released {
        count::count_moved(operation);
    }
    released
}

/// Puts an object or a block that was checked into the stack of its class, and makes room there if need be.
fn push_with_room(cache: &Cache, class: SizeClass, address: usize) -> bool {
    fast::push_class(class, address) || refill::make_room(cache, class) && fast::push_class(class, address)
}

/// The class of heap blocks with `usable` usable bytes: of those made for the class, and of hardly larger ones.
#[inline(always)]
pub fn class_of_block(usable: usize) -> Option<SizeClass> {
    let class = SizeClass::within(usable).filter(|class| class.size() > SLAB_MAX)?;
    (usable - class.size() < class::SLACK).then_some(class)
}
