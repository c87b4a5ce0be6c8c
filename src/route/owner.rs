//! What an address belongs to, and how many bytes are usable there.

#![allow(unsafe_code)]

use crate::base::class;
use crate::base::operation::Operation;
use crate::cache::fast;
use crate::heap::headers;
use crate::heap::page_map::Unit;
use crate::heap::range_record::{Kind, RangeRecord};
use crate::process::{start, statics};
use crate::report::foreign;
use crate::report::misuse::{self, Wrong};
use crate::route::{compartments, guard};
use crate::slab::arena::Arena;
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::Entry;
use crate::sys::linux::Linux;
use core::sync::atomic::Ordering::Relaxed;

/// What an address belongs to.
#[derive(Clone, Copy)]
pub enum Owner {
    /// A slab in a heap's region.
    Slab(Entry),
    /// A heap's region.
    Region(&'static RangeRecord),
    /// A mapping.
    Mapping(&'static RangeRecord),
    /// A region of a compartment.
    Compartment(&'static RangeRecord),
    /// A range of a destroyed compartment.
    Destroyed(&'static RangeRecord),
    /// The guard pool.
    Guarded,
    /// Nothing of ours.
    Foreign,
}

/// Whether an address is in nothing of ours.
pub fn is_foreign(address: usize) -> bool {
    matches!(owner(address), Owner::Foreign)
}

/// Whether an address is in a heap that the program has made, or in one that it has destroyed.
pub fn is_in_a_made_heap(address: usize) -> bool {
    statics::PAGE_MAP
        .get(address)
        .is_some_and(|record| record.kind() == Kind::Destroyed || record.is_region() && record.compartment().is_some())
}

/// The arena whose heap has a region.
pub(super) fn arena_of(region: &RangeRecord) -> &'static Arena<Linux> {
    statics::arena(region.arena.load(Relaxed) as usize)
}

/// What an address belongs to.
#[inline(always)]
pub fn owner(address: usize) -> Owner {
    start::ensure();
    let Some(unit) = unit(address) else { return Owner::Foreign };
    if let Some(entry) = unit.slab_entry() {
        return Owner::Slab(entry);
    }
    let Some(record) = unit.record() else { return Owner::Foreign };
    match record.kind() {
        Kind::Region if record.compartment().is_some() => Owner::Compartment(record),
        Kind::Region => Owner::Region(record),
        Kind::Destroyed => Owner::Destroyed(record),
        Kind::Guarded => Owner::Guarded,
        // A mapping that another thread is giving back at this moment counts as one: `Mappings` finds that out.
        Kind::Mapping | Kind::Nothing | Kind::Retained => Owner::Mapping(record),
    }
}

/// The unit of an address. Most are in the near leaf.
#[inline(always)]
pub(super) fn unit(address: usize) -> Option<Unit> {
    fast::near_unit(address).or_else(|| statics::PAGE_MAP.unit(address))
}

/// A block of an arena, or a mapping.
pub struct BlockInUse {
    /// What the page map has there.
    pub record: &'static RangeRecord,
    /// The bytes that the program may use.
    pub usable: usize,
    /// Whether it is a block of an arena.
    pub is_of_arena: bool,
}

/// The block of an arena or the mapping that starts at `address`, in a unit, and is in use. If there is none, other code
/// finds out what is there. Only where blocks are not checked.
#[inline(always)]
pub fn block_in_use(unit: Unit, address: usize) -> Option<BlockInUse> {
    if unit.slab_entry().is_some() {
        return None;
    }
    let record = unit.record()?;
    match record.kind() {
        // A compartment may know its blocks' sizes to the byte.
        Kind::Region if record.compartment().is_some() => None,
        // SAFETY: the page map's region.
        Kind::Region => match unsafe { headers::usable_size(record, address) } {
            // SAFETY: the heap has a block there.
            Ok(usable) if usable < class::SLAB_MAX || !unsafe { key::is_set(address) } => {
                Some(BlockInUse { record, usable, is_of_arena: true })
            }
            _ => None,
        },
        Kind::Mapping if record.start() == address => {
            Some(BlockInUse { record, usable: record.len(), is_of_arena: false })
        }
        _ => None,
    }
}

/// Whether a heap block that the heap has in use is free already, in a thread's cache. Reports that.
///
/// # Safety
/// A heap block of `usable` bytes is at the address.
pub(super) unsafe fn is_in_a_cache(operation: Operation, usable: usize, address: usize) -> bool {
    // SAFETY: the caller's promise.
    let is = usable >= class::SLAB_MAX && unsafe { misuse::has_key(address) };
    if is {
        misuse::report(operation, address, Wrong::Object(ObjectMisuse::Freed(usable)));
    }
    is
}

/// The usable bytes of a block. `None` if `p` is no block in use, which has been reported.
pub fn usable(operation: Operation, p: *mut u8) -> Option<usize> {
    if p.is_null() { Some(0) } else { usable_of(owner(p.addr()), operation, p) }
}

/// The same where the owner is known.
#[inline(always)]
pub(super) fn usable_of(owner: Owner, operation: Operation, p: *mut u8) -> Option<usize> {
    let address = p.addr();
    let wrong = match owner {
        Owner::Slab(entry) => return usable_object(operation, entry, address),
        // SAFETY: the page map's region.
        Owner::Region(region) => match unsafe { headers::usable_size(region, address) } {
            // SAFETY: the heap has a block there.
            Ok(usable) => return Some(usable).filter(|_| !unsafe { is_in_a_cache(operation, usable, address) }),
            Err(wrong) => Wrong::Block(region, wrong),
        },
        Owner::Mapping(record) if record.start() == address => return Some(record.len()),
        Owner::Compartment(region) => return compartments::usable(operation, region, address),
        Owner::Destroyed(range) => {
            compartments::report_destroyed(operation.name(), range, address);
            return None;
        }
        Owner::Guarded => return guard::usable(operation, address),
        Owner::Mapping(record) => Wrong::Mapping(record),
        Owner::Foreign => return foreign::usable_size(operation, p),
    };
    misuse::report(operation, address, wrong);
    None
}

/// The bytes of an object that the program names. `None` if it is not in use, which has been reported.
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
