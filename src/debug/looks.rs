//! What is looked at of a checked block: the block itself, what stands beside it, and what the program says of it.

#![allow(unsafe_code)]

use super::quarantine::{self};
use super::under_way::AT_WORK;
use crate::base::code::Code;
use crate::base::config::GRAIN;
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::heap::headers;
use crate::process::{options, statics};
use crate::report::checked_block::{Below, block_of, extent, find};
use crate::report::misuse::{self, found};
use crate::report::trailer::{CheckedBlock, Facts};
use crate::route::owner;
use crate::slab::slab::Object;
use crate::slab::vacant;
use crate::sys::valgrind;
use core::sync::atomic::Ordering::SeqCst;

/// The block in use that the program names. `None` if there is none, or if it is damaged: that has been reported.
pub(super) fn look(operation: Operation, p: *mut u8) -> Option<(CheckedBlock, Below, Facts)> {
    let found = whole_in_use(p);
    if found.is_none() {
        tell(operation, p);
    }
    found
}

#[inline(always)]
pub(super) fn whole_in_use(p: *mut u8) -> Option<(CheckedBlock, Below, Facts)> {
    let (block, place) = find(p.addr())?;
    let facts = block.facts().ok()?;
    (!facts.freed && block.first_damaged(facts.size).is_none()).then_some((block, place, facts))
}

/// Reports what is wrong with a pointer to no block in use, or to a damaged one.
#[cold]
pub(super) fn tell(operation: Operation, p: *mut u8) {
    // No block starts there, or the heap has it as free: `usable` has reported that.
    if owner::usable(operation, p).is_none() {
        return;
    }
    let Some(block) = extent(p.addr()) else { return };
    let facts = match block.facts() {
        Ok(facts) => facts,
        Err(_) if block.is_vacant() => {
            return misuse::freed(operation, block.start, format_args!("this block is free already"));
        }
        Err(raw) => return overrun(operation, block, raw),
    };
    if facts.freed {
        return freed(operation, block, facts);
    }
    let (start, size) = (block.start, facts.size);
    let Some(at) = block.first_damaged(size) else { return };
    let by = at - (start + size);
    let what = match by {
        0 => format_args!("the byte behind the {size} bytes that were asked for was written to"),
        _ => format_args!("the byte {by} behind the {size} bytes that were asked for was written to"),
    };
    misuse::found_at(Code::Overflow, operation, start, at, what);
}

pub(super) fn freed(operation: Operation, block: CheckedBlock, facts: Facts) {
    misuse::freed(operation, block.start, format_args!("this block of {} bytes is free already", facts.size));
}

/// Reports that the word at a block's end is not what was left there.
fn overrun(operation: Operation, block: CheckedBlock, raw: u64) {
    let what = format_args!("the last 8 bytes of the block were written to: they are {raw:#018x}");
    misuse::found_at(Code::Overflow, operation, block.start, block.end - 8, what);
}

/// Looks at what stands before an object: the end of the object before it, or a header.
pub(super) fn look_before(operation: Operation, block: CheckedBlock, place: Below) {
    let start = block.start;
    let Below::Slab(entry, Object { index, .. }) = place else { return };
    let Some(class) = entry.class().filter(|_| !valgrind::listens()) else { return };
    // Between two slabs the header may be missing, with zeroes in its place: see `heap::units`.
    let is_whole = match index {
        0 => !matches!(headers::header_at(&statics::PAGE_MAP, start), Some(Err(raw)) if raw != 0),
        // SAFETY: the object before it ends there.
        _ => unsafe { vacant::is_whole(start - 8) },
    };
    if !is_whole {
        let before = start - class.size();
        let what = format_args!("the 8 bytes before the block were written to; the block before it is at {before:#x}");
        misuse::found_at(Code::Underflow, operation, start, start - 8, what);
    }
}

/// Looks at what stands beside an object, before it and behind it. So a write there is noticed when
/// this block is freed, not only when the other one is, or at exit.
#[inline(never)]
pub(super) fn look_beside(block: CheckedBlock, place: Below) {
    let Below::Slab(entry, Object { index, .. }) = place else { return };
    let Some(class) = entry.class().filter(|_| !valgrind::listens()) else { return };
    if index != 0 {
        look_at_neighbour(block_of(block.start - class.size(), class), false);
    }
    if index + 1 < class.objects() {
        look_at_neighbour(block_of(block.start + class.size(), class), true);
    }
}

#[inline]
fn look_at_neighbour(other: CheckedBlock, first: bool) {
    if other.may_be_damaged(first) {
        look_closer(other, first);
    }
}

/// Reports that the first or last bytes of a block beside one that is freed were written to, where no code may write.
#[cold]
#[inline(never)]
fn look_closer(other: CheckedBlock, first: bool) {
    let Some((facts, _)) = damaged_end(other, first) else { return };
    if facts.freed {
        // Another thread may be filling the block just now, or may have it by now.
        let mut damaged = None;
        quarantine::for_each(|start| {
            if start == other.start {
                damaged = damaged_end(other, first);
            }
        });
        if let Some((facts, at)) = damaged {
            let (size, offset) = (facts.size, at - other.start);
            let what = format_args!("byte {offset} of this free block of {size} bytes was written to");
            misuse::found_meanwhile(Code::WriteAfterFree, other.start, at, what);
        }
    } else if let Some((now, at)) = damaged_end(other, first)
        // Another thread may be filling canaries just now, or may have freed the block.
        && AT_WORK.load(SeqCst) == 0
        && other.facts() == Ok(facts)
        && now == facts
    {
        let what = format_args!("byte {} of this block, behind its end, was written to", at - other.start);
        misuse::found_meanwhile(Code::Overflow, other.start, at, what);
    }
}

/// What a block says, and a changed byte near its start, or near its end, where no code may write.
#[inline(never)]
fn damaged_end(block: CheckedBlock, first: bool) -> Option<(Facts, usize)> {
    let facts = block.facts().ok()?;
    let at = match (facts.freed, first) {
        // No code can write to its whole pages.
        (true, _) if facts.hidden => None,
        (true, _) => quarantine::changed(block.end_of_filled(first)),
        (false, true) => None,
        (false, false) => block.last_damaged(facts.size),
    };
    Some((facts, at?))
}

/// Reports what the program says wrongly of a block, which is freed all the same. Returns whether all it says is true.
pub(super) fn look_at(operation: Operation, start: usize, facts: Facts, claim: Claim) -> bool {
    let (size, align) = (facts.size, facts.align);
    // A plain free takes blocks of any alignment. No other free does.
    let any = claim == Claim::of(Family::Malloc);
    let said_align = claim.align.unwrap_or(GRAIN).max(GRAIN);
    let said_size = claim.size.unwrap_or(size);
    if !facts.family.matches(claim.family) && options::families() {
        let (from, to) = (facts.family.allocates(), claim.family.frees());
        found(Code::Mismatched, operation, start, format_args!("this block is from {from}, and was given to {to}"));
    } else if said_size != size {
        let what = format_args!("this block has {size} bytes, and {said_size} were said");
        found(Code::WrongSize, operation, start, what);
    } else if !any && said_align != align {
        let what = format_args!("this block was asked for with an alignment of {align}, not {said_align}");
        found(Code::WrongAlignment, operation, start, what);
    } else {
        return true;
    }
    false
}

/// A block in quarantine. Reports if its header, where it has one, was overwritten.
pub(super) fn waiting(start: usize) -> Option<(CheckedBlock, Below)> {
    let found = find(start);
    if found.is_none() {
        // This finds out what is wrong.
        let _ = owner::usable(Operation::Free, pointer::at_mut(start));
    }
    found
}

/// What a block in quarantine says, if it is as it was left. Reports if it is not.
pub(super) fn untouched(block: CheckedBlock) -> Option<Facts> {
    let start = block.start;
    let Ok(facts) = block.facts() else {
        let what = format_args!("the last 8 bytes of this free block were written to");
        misuse::found_meanwhile(Code::WriteAfterFree, start, block.end - 8, what);
        return None;
    };
    let Some(at) = quarantine::written(block, facts) else { return Some(facts) };
    let (size, offset) = (facts.size, at - start);
    let what = format_args!("byte {offset} of this free block of {size} bytes was written to");
    misuse::found_meanwhile(Code::WriteAfterFree, start, at, what);
    None
}
