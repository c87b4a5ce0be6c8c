//! Reports of what a program did wrong with a pointer of ours. By default the program is stopped: what follows a misuse
//! that is not stopped is corruption.

use super::runtime;
use crate::base::config::UNIT;
use crate::base::operation::Operation;
use crate::heap::heap::Misuse;
use crate::heap::locate::Place;
use crate::heap::span::Span;
use crate::slab::bins;
use crate::sys::report::misuse;
use core::sync::atomic::Ordering::Relaxed;

/// What is wrong.
pub enum Wrong {
    /// The pointer lies in this region, and is not a block in use.
    Block(&'static Span, Misuse),
    /// The pointer lies in a slab.
    Object(bins::Misuse),
    /// The pointer lies in this mapping, but not at its start.
    Mapping(&'static Span),
    /// A mapping of so many bytes, which another thread has just freed.
    FreedMapping(usize),
}

/// Says what is wrong with `address`, which was passed to `operation`, and aborts.
#[cold]
#[inline(never)]
pub fn report(operation: Operation, address: usize, wrong: Wrong) -> ! {
    let name = operation.name();
    match wrong {
        Wrong::Block(_, Misuse::Freed(usable)) => freed(operation, address, usable),
        Wrong::Block(region, Misuse::NoHeader(raw)) => no_header(operation, region, address, raw),
        Wrong::Object(bins::Misuse::Freed(size)) => freed_object(operation, address, size),
        Wrong::Object(bins::Misuse::Interior(_, 0)) => misuse(format_args!(
            "interior pointer: {name}({address:#x}): no block starts here, behind the last of its slab"
        )),
        Wrong::Object(bins::Misuse::Interior(offset, size)) => interior(name, address, address - offset, size),
        Wrong::Mapping(span) => interior(name, address, span.start(), span.len()),
        Wrong::FreedMapping(bytes) => freed_mapping(operation, address, bytes),
    }
}

fn kind_of_freed(operation: Operation) -> &'static str {
    if operation == Operation::Free { "double free" } else { "freed pointer" }
}

/// A block that is free already, and by now perhaps one with its neighbours.
fn freed(operation: Operation, address: usize, usable: usize) -> ! {
    let (kind, name) = (kind_of_freed(operation), operation.name());
    misuse(format_args!("{kind}: {name}({address:#x}): this block is free already, in a free block of {usable} bytes"))
}

/// An object of a slab that is free already.
fn freed_object(operation: Operation, address: usize, size: usize) -> ! {
    let (kind, name) = (kind_of_freed(operation), operation.name());
    if size == 0 {
        misuse(format_args!("{kind}: {name}({address:#x}): this block is free already"))
    }
    misuse(format_args!("{kind}: {name}({address:#x}): this block of {size} bytes is free already"))
}

/// A mapping that was given back.
pub fn freed_mapping(operation: Operation, address: usize, bytes: usize) -> ! {
    let (kind, name) = (kind_of_freed(operation), operation.name());
    misuse(format_args!("{kind}: {name}({address:#x}): this mapping of {bytes} bytes is free already"))
}

/// A pointer into a block, but not to its start.
pub fn interior(name: &str, address: usize, start: usize, size: usize) -> ! {
    let offset = address - start;
    debug_assert!(offset < size.max(UNIT));
    misuse(format_args!(
        "interior pointer: {name}({address:#x}): {offset} bytes into the block of {size} bytes at {start:#x}"
    ))
}

/// No header stands before the address: find out what does by walking the heap.
fn no_header(operation: Operation, region: &'static Span, address: usize, raw: u64) -> ! {
    let name = operation.name();
    let Some(heap) = runtime::arena(region.arena.load(Relaxed) as usize).enter(Operation::Other) else {
        misuse(format_args!("interior pointer: {name}({address:#x}): no block starts here"))
    };
    match heap.locate(address) {
        Place::In { block, usable, in_use: true } => {
            drop(heap);
            if address < block {
                misuse(format_args!(
                    "interior pointer: {name}({address:#x}): in the header of the block of {usable} bytes at {block:#x}"
                ))
            }
            interior(name, address, block, usable)
        }
        Place::In { block, usable, in_use: false } => {
            drop(heap);
            let kind = kind_of_freed(operation);
            let offset = address.saturating_sub(block);
            misuse(format_args!(
                "{kind}: {name}({address:#x}): {offset} bytes into a free block of {usable} bytes at {block:#x}"
            ))
        }
        Place::Damaged { block, raw } => heap.overwritten(name, address, block, raw),
        Place::Outside => {
            drop(heap);
            misuse(format_args!(
                "interior pointer: {name}({address:#x}): no block starts here, the bytes before it are {raw:#018x}"
            ))
        }
    }
}
