//! Heaps that a program makes by name: compartments, as the C API and the Rust type see them.
//!
//! The entries here are called by a program's own code, so a thread is in none of them twice. They may not be called
//! by signal handlers.

#![allow(unsafe_code)]

use crate::base::config::{GRAIN, REQUEST_MAX, UNIT};
use crate::base::{align, pointer};
use crate::cache::scopes;
use crate::compartment::options::Options;
use crate::compartment::table::{self, Compartment, Handle};
use crate::compartment::work::{self, Entered};
use crate::compartment::{alone, ranges};
use crate::heap::range_record::Kind;
use crate::process::statics::PAGE_MAP;
use crate::process::trim_policy::WORTH;
use crate::process::{helper_call, start};
use crate::route::compartments;
use crate::sys::errno;
use core::ptr::{NonNull, null_mut};

/// What a heap holds and has served.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of blocks in use, their headers included, and the most they have been.
    pub live: usize,
    pub peak: usize,
    /// Blocks in use.
    pub blocks: usize,
    /// Bytes of address space.
    pub held: usize,
    /// Calls that allocated, and that freed.
    pub mallocs: u64,
    pub frees: u64,
    /// Bytes in the largest free block: a request of less needs no more address space.
    pub largest_free: usize,
    /// The limit of `live`.
    pub limit: usize,
}

/// Nothing, and `ENOMEM` in errno.
pub(super) fn out_of_memory<T>() -> Option<T> {
    errno::set_errno(libc::ENOMEM);
    None
}

fn fail() -> *mut u8 {
    errno::set_errno(libc::ENOMEM);
    null_mut()
}

/// The whole units in memory of a program's, which a heap can have: where they start, and their bytes; or why there are
/// none.
pub fn units_in(start: usize, len: usize) -> Result<(usize, usize), &'static str> {
    let none = Err("memory has no whole unit of 64 KiB, aligned to 64 KiB: metes_freelist_init takes any memory");
    let Some(end) = start.checked_add(len).map(|end| align::down(end, UNIT)) else { return none };
    let Some(mut first) = align::up_checked(start, UNIT) else { return none };
    if PAGE_MAP.get(first).is_some_and(|record| record.kind() == Kind::Mapping) {
        // Of a mapping the first unit alone is known.
        first += UNIT;
    }
    if first >= end {
        return none;
    }
    let is_free = (first..end).step_by(UNIT).all(|unit| PAGE_MAP.get(unit).is_none());
    if is_free {
        Ok((first, end - first))
    } else {
        Err("memory is in a heap already: metes_freelist_init takes any memory")
    }
}

/// Makes a heap; `None`, and `ENOMEM` in errno, if there is no memory for one.
pub fn make(options: &Options<'_>) -> Option<Handle> {
    start::ensure();
    if options.fenced {
        compartments::watch();
    }
    table::make(options).or_else(out_of_memory)
}

/// Destroys a heap: all its blocks are gone, whatever is out, and its memory cannot be touched until it is used
/// again. From any thread; not while another one is in one for a single thread.
pub fn destroy(handle: Handle) {
    if let Some(entered) = Compartment::enter_by(handle, "metes_heap_destroy") {
        compartments::watch();
        entered.destroy();
        if ranges::kept() >= WORTH {
            helper_call::call();
            if helper_call::is_refused() {
                ranges::purge();
            }
        }
    }
}

/// `n` bytes of a heap, aligned to `align`, a power of two. Null and `ENOMEM` where memory is out, or the heap's
/// limit is reached.
#[inline(always)]
pub fn malloc(handle: Handle, n: usize, align: usize) -> *mut u8 {
    if align <= GRAIN
        && let Some(block) = alone::pop(handle, n)
    {
        return pointer::at_mut(block);
    }
    malloc_slowly(handle, n, align)
}

/// The same, not inlined.
#[inline(never)]
pub fn malloc_aligned(handle: Handle, n: usize, align: usize) -> *mut u8 {
    malloc(handle, n, align)
}

#[inline(never)]
fn malloc_slowly(handle: Handle, n: usize, align: usize) -> *mut u8 {
    let served = Compartment::enter_by(handle, "metes_heap_malloc").and_then(|mut heap| heap.malloc(n, align));
    match served {
        Some((address, _)) => pointer::at_mut(address),
        None => fail(),
    }
}

/// `n` bytes that are zero.
pub fn calloc(handle: Handle, n: usize) -> *mut u8 {
    let served = Compartment::enter_by(handle, "metes_heap_calloc").and_then(|mut heap| heap.malloc(n, GRAIN));
    let Some((address, dirty)) = served else { return fail() };
    let p: *mut u8 = pointer::at_mut(address);
    // SAFETY: a block in use, of which these bytes may not be zero.
    unsafe { p.write_bytes(0, dirty.min(n)) };
    p
}

/// The heap that a block is given to, entered, if the block is of that one; else that is reported.
fn enter_for(handle: Handle, address: usize, call: &str) -> Option<Entered> {
    let entered = Compartment::enter_by(handle, call)?;
    let own = work::of_address(address);
    if own.is_some_and(|(own, destroyed)| !destroyed && core::ptr::eq(own, entered.compartment())) {
        return Some(entered);
    }
    let given = entered.compartment();
    drop(entered);
    compartments::report_wrong_heap(call, address, given, own.map(|(own, _)| own));
    None
}

/// Takes a block of a heap back; null is fine.
///
/// # Safety
/// Nothing may use the block any more. A pointer that is no block of the heap is reported, not followed.
#[inline(always)]
pub unsafe fn free(handle: Handle, p: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        if !alone::push(handle, p.addr()) {
            free_slowly(handle, p);
        }
    }
}

/// # Safety
/// As for `free`.
#[inline(never)]
unsafe fn free_slowly(handle: Handle, p: *mut u8) {
    if p.is_null() {
        return;
    }
    let Some(mut entered) = Compartment::enter_by(handle, "metes_heap_free") else { return };
    let compartment = entered.compartment();
    let freed = match PAGE_MAP.get(p.addr()) {
        Some(region) if region.is_region() && region.compartment() == Some(compartment.index()) => {
            entered.free_in(region, p.addr())
        }
        _ => {
            drop(entered);
            let own = work::of_address(p.addr()).map(|(own, _)| own);
            return compartments::report_wrong_heap("metes_heap_free", p.addr(), compartment, own);
        }
    };
    if let Err(wrong) = freed {
        drop(entered);
        compartments::report("metes_heap_free", compartment, p.addr(), wrong);
    }
}

/// `p` with room for `n` bytes, in the same heap. As `realloc`.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more. A pointer that is no block of the heap is reported, not
/// followed.
pub unsafe fn realloc(handle: Handle, p: *mut u8, n: usize) -> *mut u8 {
    if p.is_null() {
        return malloc_aligned(handle, n, GRAIN);
    }
    if n == 0 {
        // SAFETY: the caller's promise.
        unsafe { free(handle, p) };
        return null_mut();
    }
    let Some(mut entered) = enter_for(handle, p.addr(), "metes_heap_realloc") else { return fail() };
    let compartment = entered.compartment();
    let usable = entered.usable(p.addr());
    drop(entered);
    match usable {
        Ok(old) if n <= REQUEST_MAX => {
            // SAFETY: the caller's promise; a block in use of the heap.
            let new = unsafe { compartments::resize_in(compartment, p.addr(), old, n) };
            new.map_or_else(fail, pointer::at_mut)
        }
        Ok(_) => fail(),
        Err(wrong) => {
            compartments::report("metes_heap_realloc", compartment, p.addr(), wrong);
            fail()
        }
    }
}

/// The bytes that a program may use of a block of any heap that it has made; 0 for null.
pub fn usable_size(handle: Handle, p: *mut u8) -> usize {
    if p.is_null() {
        return 0;
    }
    let Some(mut entered) = enter_for(handle, p.addr(), "metes_heap_usable_size") else { return 0 };
    let compartment = entered.compartment();
    let usable = entered.usable(p.addr());
    drop(entered);
    usable.map_err(|wrong| compartments::report("metes_heap_usable_size", compartment, p.addr(), wrong)).unwrap_or(0)
}

/// The heap whose memory an address is in, if it is in that of one that is live.
pub fn of(address: usize) -> Option<Handle> {
    work::of_address(address).filter(|(_, destroyed)| !destroyed).map(|(compartment, _)| compartment.handle())
}

/// Frees all blocks of a heap; its memory stays.
pub fn reset(handle: Handle) {
    if let Some(mut entered) = Compartment::enter_by(handle, "metes_heap_reset") {
        entered.reset();
    }
}

/// Gives a heap's free memory back to the system; about how many bytes.
pub fn purge(handle: Handle) -> usize {
    Compartment::enter_by(handle, "metes_heap_purge").map_or(0, |mut entered| entered.purge())
}

/// What a heap holds; `None` where it is not live: that has been reported.
pub fn figures(handle: Handle) -> Option<Figures> {
    let mut entered = Compartment::enter_by(handle, "metes_heap_stats")?;
    let inside = entered.inside();
    let heap = inside.heap.figures();
    Some(Figures {
        live: inside.live(),
        peak: inside.peak(),
        blocks: inside.blocks(),
        held: heap.held,
        mallocs: inside.mallocs,
        frees: inside.frees,
        largest_free: inside.heap.largest_free(),
        limit: inside.limit,
    })
}

/// Checks all invariants of a heap: what is broken, and where.
pub fn check(handle: Handle) -> Result<(), (&'static str, usize)> {
    match Compartment::enter_by(handle, "metes_heap_check") {
        Some(mut entered) => entered.check(),
        None => Err(("the heap is not live", handle.0)),
    }
}

/// Calls `f` with each block in use of a heap and its usable bytes, until it says false. The heap is entered
/// meanwhile: `f` may neither allocate nor free.
pub fn walk(handle: Handle, f: &mut dyn FnMut(NonNull<u8>, usize) -> bool) {
    if let Some(mut entered) = Compartment::enter_by(handle, "metes_heap_walk") {
        entered.walk(&mut |address, usable| match NonNull::new(pointer::at_mut(address)) {
            Some(block) => f(block, usable),
            None => true,
        });
    }
}

/// Has the calling thread's allocations come from a heap until `leave`. Nests, up to eight deep. False where that
/// cannot be (see `cache::scopes`), or where the heap is not live: that has been reported.
pub fn enter(handle: Handle) -> bool {
    start::ensure();
    Compartment::enter_by(handle, "metes_heap_enter").is_some() && scopes::enter(handle.0)
}

/// Ends the innermost `enter`, if it was of this heap. False, and nothing was done, if it was not.
pub fn leave(handle: Handle) -> bool {
    scopes::leave(handle.0)
}
