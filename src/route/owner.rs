//! Whom an address belongs to, and how many bytes are usable there.

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
use crate::route::guard;
use crate::slab::arena::Arena;
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::Entry;
use crate::sys::linux::Linux;
use core::sync::atomic::Ordering::Relaxed;

/// Whom an address belongs to.
#[derive(Clone, Copy)]
pub enum Owner {
    /// A slab in a heap's region.
    Slab(Entry),
    /// A heap's region.
    Region(&'static RangeRecord),
    /// A mapping.
    Mapping(&'static RangeRecord),
    /// The pool of guarded blocks.
    Guarded,
    /// Nobody we know.
    Foreign,
}

/// Whether an address is in nothing of ours.
pub fn is_foreign(address: usize) -> bool {
    matches!(owner(address), Owner::Foreign)
}

/// The arena whose heap has a region.
pub(super) fn arena_of(region: &RangeRecord) -> &'static Arena<Linux> {
    statics::arena(region.arena.load(Relaxed) as usize)
}

/// Whom an address belongs to.
#[inline(always)]
pub fn owner(address: usize) -> Owner {
    start::ensure();
    let Some(unit) = unit(address) else { return Owner::Foreign };
    if let Some(entry) = unit.slab_entry() {
        return Owner::Slab(entry);
    }
    let Some(record) = unit.record() else { return Owner::Foreign };
    match record.kind() {
        Kind::Region => Owner::Region(record),
        Kind::Guarded => Owner::Guarded,
        // A mapping that somebody is just giving back counts as one: `Mappings` sorts that out.
        Kind::Mapping | Kind::Nothing | Kind::Retained => Owner::Mapping(record),
    }
}

/// The unit of an address: most are in the near leaf.
#[inline(always)]
pub(super) fn unit(address: usize) -> Option<Unit> {
    fast::near_unit(address).or_else(|| statics::PAGE_MAP.unit(address))
}

/// The heap's region or the mapping that a unit is in, and the usable bytes of the block there, if all is as it should be: it is in use. What is wrong is
/// for others to find out. Only where blocks are not checked.
#[inline(always)]
pub fn block_in_use(unit: Unit, address: usize) -> Option<(&'static RangeRecord, usize)> {
    if unit.slab_entry().is_some() {
        return None;
    }
    let record = unit.record()?;
    match record.kind() {
        // SAFETY: the page map's region.
        Kind::Region => match unsafe { headers::usable_size(record, address) } {
            // SAFETY: the heap has a block there.
            Ok(usable) if usable < class::SLAB_MAX || !unsafe { key::is_set(address) } => Some((record, usable)),
            _ => None,
        },
        Kind::Mapping if record.start() == address => Some((record, record.len())),
        _ => None,
    }
}

/// Whether a heap block is free already, in a thread's cache, where the heap has it in use. Reports that.
///
/// # Safety
/// A heap block of so many bytes is at the address.
pub(super) unsafe fn is_in_a_cache(operation: Operation, usable: usize, address: usize) -> bool {
    // SAFETY: the caller's promise.
    let is = usable >= class::SLAB_MAX && unsafe { misuse::has_key(address) };
    if is {
        misuse::report(operation, address, Wrong::Object(ObjectMisuse::Freed(usable)));
    }
    is
}

/// `None` for what is no block in use: that has been reported.
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
        Owner::Guarded => return guard::usable(operation, address),
        Owner::Mapping(record) => Wrong::Mapping(record),
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
