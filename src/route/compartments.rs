//! Blocks of compartments that come in by the ordinary entries: plain `free`, `realloc` and `malloc_usable_size` work
//! on them.

#![allow(unsafe_code)]

use crate::base::code::Code;
use crate::base::config::{GRAIN, UNIT};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::cache::count;
use crate::compartment::exact::Wrong;
use crate::compartment::table::{self, Compartment, Handle};
use crate::compartment::work;
use crate::heap::heap::BlockMisuse;
use crate::heap::range_record::{Kind, RangeRecord};
use crate::process::statics;
use crate::report::fault::{self, Handling, Owned};
use crate::sys::errno;
use crate::trace::fault::Fault;
use crate::trace::report;
use core::fmt::Arguments;
use core::ptr::null_mut;

fn fail() -> *mut u8 {
    errno::set_errno(libc::ENOMEM);
    null_mut()
}

/// The compartment of a region.
fn of(region: &RangeRecord) -> Option<&'static Compartment> {
    table::at(region.compartment()?)
}

/// Serves a request of a thread that is in a scope of a compartment: see `cache::scopes`.
#[cold]
#[inline(never)]
pub fn serve(operation: Operation, handle: usize, n: usize, align: usize, zero: bool) -> *mut u8 {
    let entered = Compartment::enter_by(Handle(handle), operation.name());
    let Some((block, dirty)) = entered.and_then(|mut heap| heap.malloc(n, align.max(GRAIN))) else { return fail() };
    count::count(operation);
    let p: *mut u8 = pointer::at_mut(block);
    if zero {
        // SAFETY: a block in use, of which these bytes may not be zero.
        unsafe { p.write_bytes(0, dirty) };
    }
    p
}

/// Takes back a block of a compartment's region.
#[cold]
#[inline(never)]
pub fn release(operation: Operation, region: &'static RangeRecord, address: usize) {
    let Some(compartment) = of(region) else { return };
    // SAFETY: the program frees it.
    match unsafe { compartment.free(address) } {
        Ok(_) => count::count(operation),
        Err(wrong) => report(operation.name(), compartment, address, wrong),
    }
}

/// Reports a pointer that is no block in use of a compartment, which `call` was given.
pub fn report(call: &str, compartment: &'static Compartment, address: usize, wrong: Wrong) {
    let name = compartment.name();
    match wrong {
        Wrong::Overflow(size, at) => {
            let block = format_args!("of {size} bytes at {address:#x}, which {call} was given,");
            work::report_overflow(compartment, block, address + size, at);
        }
        Wrong::Trailer(raw) => {
            let text = format_args!(
                "{call}({address:#x}): the word behind this block of the heap {name} was overwritten by {raw:#018x}"
            );
            report::found(Code::Overflow, address, text, &|_| {});
        }
        Wrong::Block(BlockMisuse::Freed(0)) => {
            let text = format_args!("{call}({address:#x}): no block of the heap {name} starts here");
            report::found(Code::InteriorPointer, address, text, &|_| {});
        }
        Wrong::Block(BlockMisuse::Freed(usable)) => {
            let code = if call.ends_with("free") { Code::DoubleFree } else { Code::FreedPointer };
            let text =
                format_args!("{call}({address:#x}): this block of {usable} bytes of the heap {name} is free already");
            report::found(code, address, text, &|_| {});
        }
        Wrong::Block(BlockMisuse::NoHeader(raw)) => {
            let text = format_args!(
                "{call}({address:#x}): no block of the heap {name} starts here, the bytes before it are {raw:#018x}"
            );
            report::found(Code::InteriorPointer, address, text, &|_| {});
        }
    }
}

/// Reports a pointer into the range of a destroyed compartment, which `call` was given.
#[cold]
#[inline(never)]
pub fn report_destroyed(call: &str, range: &RangeRecord, address: usize) {
    let what = Destroyed(range);
    let text = format_args!("{call}({address:#x}): in {what}");
    report::found(Code::DestroyedHeap, address, text, &|_| {});
}

/// A range of a destroyed compartment, in words.
pub struct Destroyed<'a>(pub &'a RangeRecord);

impl core::fmt::Display for Destroyed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let generation = self.0.seen.load(core::sync::atomic::Ordering::Relaxed);
        match of(self.0).filter(|compartment| !compartment.is_live() && compartment.generation() == generation + 1) {
            Some(compartment) => write!(f, "the heap {}, which was destroyed", compartment.name()),
            None => f.write_str("a heap that was destroyed"),
        }
    }
}

/// The usable bytes of a block of a compartment; `None` if it is none in use: that has been reported.
pub fn usable(operation: Operation, region: &'static RangeRecord, address: usize) -> Option<usize> {
    let compartment = of(region)?;
    let usable = match compartment.enter() {
        Some(mut entered) => entered.usable(address),
        None => compartment.usable(address),
    };
    usable.map_err(|wrong| report(operation.name(), compartment, address, wrong)).ok()
}

/// `realloc` of a block of a compartment: it stays in that.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more.
#[cold]
#[inline(never)]
pub unsafe fn resize(region: &'static RangeRecord, p: *mut u8, n: usize) -> *mut u8 {
    let address = p.addr();
    let (Some(compartment), Some(old)) = (of(region), usable(Operation::Realloc, region, address)) else {
        errno::set_errno(libc::EINVAL);
        return null_mut();
    };
    // SAFETY: the caller's promise.
    match unsafe { resize_in(compartment, address, old, n) } {
        Some(new) => {
            count::count(Operation::Realloc);
            pointer::at_mut(new)
        }
        None => fail(),
    }
}

/// `realloc` of a pointer into a compartment's region, or a destroyed one's range; no bytes free it.
///
/// # Safety
/// As for `resize`.
pub unsafe fn resize_any(p: *mut u8, n: usize) -> *mut u8 {
    let Some(record) = statics::PAGE_MAP.get(p.addr()) else { return fail() };
    if record.kind() == Kind::Destroyed {
        report_destroyed("realloc", record, p.addr());
        return fail();
    }
    if n == 0 {
        release(Operation::Realloc, record, p.addr());
        return null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { resize(record, p, n) }
}

/// The same where the compartment and the block's usable bytes are known.
///
/// # Safety
/// As for `resize`, and it is such a block.
pub unsafe fn resize_in(compartment: &'static Compartment, address: usize, old: usize, n: usize) -> Option<usize> {
    let new = {
        let mut entered = compartment.enter()?;
        if entered.resize(address, old, n) {
            return Some(address);
        }
        match entered.malloc(n, GRAIN) {
            Some((new, _)) => new,
            // A block that is to shrink serves as it is.
            None if n <= old => return Some(address),
            None => return None,
        }
    };
    // SAFETY: two blocks in use, with at least these sizes, and not the same; the caller gives the old one up.
    unsafe {
        pointer::at_mut::<u8>(new).copy_from_nonoverlapping(pointer::at(address), old.min(n));
        if let Err(wrong) = compartment.free(address) {
            report("realloc", compartment, address, wrong);
        }
    }
    Some(new)
}

/// Reports a block that was given to another heap than its own.
pub fn report_wrong_heap(call: &str, address: usize, given: &Compartment, own: Option<&Compartment>) {
    let name = given.name();
    let found = |of: Arguments<'_>| {
        let text = format_args!("{call}({address:#x}): given to the heap {name}, but of {of}");
        report::found(Code::WrongHeap, address, text, &|_| {});
    };
    match own {
        Some(own) => found(format_args!("the heap {}", own.name())),
        None => found(format_args!("no heap that a program has made")),
    }
}

/// Has accesses to ranges of destroyed compartments, and to the units around fenced ones, reported from here on.
pub fn watch() {
    fault::set_owner(Owned::Compartments, on_fault);
    fault::watch();
}

/// A fault: reports it if the address is in such a range, or beside one. Takes no lock.
fn on_fault(fault: &Fault) -> Handling {
    let (address, access) = (fault.address, fault.access.name());
    match statics::PAGE_MAP.get(address) {
        Some(range) if range.kind() == Kind::Destroyed => {
            let what = Destroyed(range);
            fault::tell(Code::UseAfterFree, fault, format_args!("{access} at {address:#x}: in {what}"), &|_| {})
        }
        Some(_) => Handling::NotOurs,
        None => on_fault_beside(fault),
    }
}

/// The same where no range is: reports it if a fenced one is beside it.
fn on_fault_beside(fault: &Fault) -> Handling {
    let (address, access) = (fault.address, fault.access.name());
    for (beside, side) in [(address.saturating_sub(UNIT), "behind"), (address + UNIT, "before")] {
        let Some(range) = statics::PAGE_MAP.get(beside).filter(|range| range.is_region()) else { continue };
        if let Some(heap) = of(range).filter(|heap| heap.is_fenced()) {
            let by = if side == "behind" { address - range.end() } else { range.start() - address };
            let text = format_args!("{access} at {address:#x}: {by} bytes {side} a range of the heap {}", heap.name());
            return fault::tell(Code::OutOfBounds, fault, text, &|_| {});
        }
    }
    Handling::NotOurs
}
