//! Checked blocks by address: what the heap, a slab or a mapping gave for one, and what its trailer says.

#![allow(unsafe_code)]

use super::trailer::{self, CheckedBlock};
use crate::base::align;
use crate::base::class::SizeClass;
use crate::base::config::GRAIN;
use crate::heap::headers;
use crate::heap::range_record::RangeRecord;
use crate::process::{options, statics};
use crate::slab::slab::{Entry, Object};
use crate::sys::mmap::page_size;
use crate::sys::valgrind;
use crate::trace::report::Detail;

/// Bytes behind each block that are left alone under valgrind. A write to them, or before the next
/// block, is found and damages nothing.
pub fn red_zone() -> usize {
    if valgrind::listens() { 16 } else { 0 }
}

/// What the allocator gave for a checked block.
#[derive(Clone, Copy)]
pub enum Below {
    /// An object of a slab.
    Slab(Entry, Object),
    /// A block of a heap.
    Heap,
    /// A mapping.
    Mapping(&'static RangeRecord),
}

/// The checked block that starts at an address. The address must be that of a block.
pub fn extent(start: usize) -> Option<CheckedBlock> {
    find(start).map(|(block, _)| block)
}

/// The same, and what the allocator gave for it.
#[inline(always)]
pub fn find(start: usize) -> Option<(CheckedBlock, Below)> {
    if let Some(entry) = statics::PAGE_MAP.slab_entry(start) {
        let object = entry.object_at(start)?;
        return Some((block_of(start, object.class), Below::Slab(entry, object)));
    }
    let record = statics::PAGE_MAP.get(start)?;
    let (len, place) = if record.is_region() {
        // SAFETY: the region is what the page map has at the address.
        (unsafe { headers::usable_size(record, start) }.ok()?, Below::Heap)
    } else if record.start() == start {
        let asked = record.wanted();
        let guard = if align::is(asked, page_size()) { page_size() } else { 0 };
        (asked - guard, Below::Mapping(record))
    } else {
        return None;
    };
    Some((CheckedBlock { start, end: start + len - red_zone() }, place))
}

/// The checked block in an object of a class.
pub fn block_of(start: usize, class: SizeClass) -> CheckedBlock {
    CheckedBlock { start, end: start + class.size() - red_zone() }
}

/// The bytes that were asked for, of the block that starts at an address, if its trailer is whole.
pub fn asked(start: usize) -> Option<usize> {
    if !options::checked() {
        return None;
    }
    extent(start)?.facts().ok().map(|facts| facts.size)
}

/// Adds what the trailer of the block at an address says to a report.
pub fn describe(detail: &mut Detail, start: usize) {
    let Some(block) = extent(start) else { return };
    let Ok(facts) = block.facts() else { return };
    let (size, family, state) = (facts.size, facts.family.allocates(), if facts.freed { "freed" } else { "in use" });
    match facts.align {
        GRAIN => detail.line(format_args!("{size} bytes from {family}, {state}")),
        align => detail.line(format_args!("{size} bytes from {family}, aligned to {align}, {state}")),
    }
    let Some((allocated, freed)) = block.calls() else { return };
    detail.line(format_args!("allocated by thread {} at", allocated.thread));
    detail.stack(trailer::frames(allocated));
    if facts.freed {
        detail.line(format_args!("freed by thread {} at", freed.thread));
        detail.stack(trailer::frames(freed));
    }
}
