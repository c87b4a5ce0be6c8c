//! Reports of what a program did wrong with a pointer of ours. By default the program is stopped,
//! as corruption follows a misuse that is not stopped. With `abort=no` or `checks=off` a report
//! returns, and the call that it is about does nothing.

#![allow(unsafe_code)]

use super::{checked_block, guard_pool};
use crate::base::code::Code;
use crate::base::config::UNIT;
use crate::base::operation::Operation;
use crate::heap::heap::BlockMisuse;
use crate::heap::locate::Location;
use crate::heap::range_record::{Kind, RangeRecord};
use crate::process::{options, statics};
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::Entry;
use crate::trace::report::{self, Detail};
use core::fmt::Arguments;
use core::sync::atomic::Ordering::Relaxed;

/// What is wrong.
#[derive(Clone, Copy)]
pub enum Wrong {
    /// The pointer lies in this region, and no block in use starts there.
    Block(&'static RangeRecord, BlockMisuse),
    /// The pointer lies in a slab.
    Object(ObjectMisuse),
    /// The pointer lies in this mapping, but not at its start.
    Mapping(&'static RangeRecord),
    /// A mapping of this many bytes, which another thread has just freed.
    FreedMapping(usize),
}

/// Reports what is wrong with `address`, which was passed to `operation`. Aborts, unless the options say otherwise.
#[cold]
#[inline(never)]
pub fn report(operation: Operation, address: usize, wrong: Wrong) {
    match wrong {
        Wrong::Block(_, BlockMisuse::Freed(usable)) => {
            freed(operation, address, format_args!("this block is free already, in a free block of {usable} bytes"));
        }
        Wrong::Block(region, BlockMisuse::NoHeader(raw)) => no_header(operation, region, address, raw),
        Wrong::Object(ObjectMisuse::Freed(0)) => freed(operation, address, format_args!("this block is free already")),
        Wrong::Object(ObjectMisuse::Freed(size)) => {
            freed(operation, address, format_args!("this block of {size} bytes is free already"));
        }
        Wrong::Object(ObjectMisuse::Interior(_, 0)) => {
            nowhere(operation, address, format_args!("no block starts here, behind the last of its slab"));
        }
        Wrong::Object(ObjectMisuse::Interior(offset, size)) => {
            report_interior(operation, address, address - offset, size);
        }
        Wrong::Mapping(record) => report_interior(operation, address, record.start(), record.len()),
        Wrong::FreedMapping(bytes) => freed_mapping(operation, address, bytes),
    }
}

/// Reports a pointer that `operation` was given, with what is known about the place.
pub fn found(code: Code, operation: Operation, address: usize, what: Arguments<'_>) {
    found_at(code, operation, address, address, what);
}

/// The same, if what is wrong is found at another address, `at`.
pub fn found_at(code: Code, operation: Operation, address: usize, at: usize, what: Arguments<'_>) {
    let text = format_args!("{}({address:#x}): {what}", operation.name());
    report::found(code, at, text, &|detail| describe(detail, address));
}

/// Reports what is wrong with a block and was found by the way: the call under way has nothing to do with it.
pub fn found_meanwhile(code: Code, block: usize, at: usize, what: Arguments<'_>) {
    report::found(code, at, format_args!("{block:#x}: {what}"), &|detail| describe(detail, block));
}

/// Reports a block that is free already.
pub fn freed(operation: Operation, address: usize, what: Arguments<'_>) {
    let code = if operation == Operation::Free { Code::DoubleFree } else { Code::FreedPointer };
    found(code, operation, address, what);
}

/// Reports a mapping that was given back.
pub fn freed_mapping(operation: Operation, address: usize, bytes: usize) {
    freed(operation, address, format_args!("this mapping of {bytes} bytes is free already"));
}

/// Reports a pointer into a block, but not to its start.
pub fn report_interior(operation: Operation, address: usize, start: usize, size: usize) {
    let offset = address - start;
    debug_assert!(offset < size.max(UNIT));
    let size = checked_block::asked(start).unwrap_or(size);
    nowhere(operation, address, format_args!("{offset} bytes into the block of {size} bytes at {start:#x}"));
}

/// Reports a pointer to where no block starts.
pub fn nowhere(operation: Operation, address: usize, what: Arguments<'_>) {
    found(Code::InteriorPointer, operation, address, what);
}

/// Reports a pointer before which no header stands: walks the heap to find what is there.
fn no_header(operation: Operation, region: &'static RangeRecord, address: usize, raw: u64) {
    let Some(heap) = statics::arena(region.arena.load(Relaxed) as usize).enter(Operation::Other) else {
        return nowhere(operation, address, format_args!("no block starts here"));
    };
    match heap.locate(address) {
        Location::In { block, usable, in_use: true } => {
            drop(heap);
            if address < block {
                let what = format_args!("in the header of the block of {usable} bytes at {block:#x}");
                return nowhere(operation, address, what);
            }
            report_interior(operation, address, block, usable);
        }
        Location::In { block, usable, in_use: false } => {
            drop(heap);
            let offset = address.saturating_sub(block);
            let what = format_args!("{offset} bytes into a free block of {usable} bytes at {block:#x}");
            freed(operation, address, what);
        }
        Location::Damaged { block, raw } => heap.overwritten(operation.name(), address, block, raw),
        Location::Outside => {
            drop(heap);
            nowhere(operation, address, format_args!("no block starts here, the bytes before it are {raw:#018x}"));
        }
    }
}

/// Adds what is known about the block at or around an address of ours to a report.
fn describe(detail: &mut Detail, address: usize) {
    describe_place(detail, address);
    if options::checked() {
        checked_block::describe(detail, address);
    }
}

fn describe_place(detail: &mut Detail, address: usize) {
    if let Some(entry) = statics::PAGE_MAP.slab_entry(address) {
        return describe_object(detail, entry, address);
    }
    let Some(record) = statics::PAGE_MAP.get(address) else { return };
    let (start, bytes, arena) = (record.start(), record.len(), record.arena.load(Relaxed));
    if record.kind() == Kind::Guarded {
        return guard_pool::describe(detail, address);
    }
    if record.compartment().is_some() {
        return detail.line(format_args!("range of {bytes} bytes at {start:#x}, of a heap that the program has made"));
    }
    if record.kind() != Kind::Region {
        return detail.line(format_args!("mapping of {bytes} bytes at {start:#x}"));
    }
    let place = statics::arena(arena as usize).enter(Operation::Other).map(|heap| heap.locate(address));
    match place {
        Some(Location::In { block, usable, in_use }) => detail.line(format_args!(
            "block of {usable} bytes at {block:#x}, {}, of arena {arena}",
            if in_use { "in use" } else { "free" },
        )),
        _ => detail.line(format_args!("region of {bytes} bytes at {start:#x}, of arena {arena}")),
    }
}

fn describe_object(detail: &mut Detail, entry: Entry, address: usize) {
    let (arena, slab) = (entry.arena(), entry.slab().start());
    let (start, size) = match (entry.object_at(address), interior(entry, address)) {
        (Some(object), _) => (address, object.class.size()),
        (None, ObjectMisuse::Interior(offset, size)) if size != 0 => (address - offset, size),
        _ => return detail.line(format_args!("slab at {slab:#x}, of arena {arena}")),
    };
    // SAFETY: an object of the slab starts there.
    let has_key = unsafe { has_key(start) };
    let state = match (entry.is_out(start), has_key) {
        (true, true) => "free, in a thread's cache",
        (true, false) if options::checked() => "with its trailer",
        (true, false) => "in use",
        (false, _) => "free",
    };
    detail
        .line(format_args!("block of {size} bytes at {start:#x}, {state}, in the slab at {slab:#x} of arena {arena}"));
}

/// Whether a block is in a thread's cache. Where blocks are checked there are no caches, and the
/// block's words may not even be readable.
///
/// # Safety
/// A block, or an object, of ours is at the address.
pub unsafe fn has_key(address: usize) -> bool {
    // SAFETY: the caller's promise.
    !options::checked() && unsafe { key::is_set(address) }
}
