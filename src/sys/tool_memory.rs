//! Memory from the allocator by which valgrind's memcheck replaces the libc's.

#![allow(unsafe_code)]

use super::errno::keeping_errno;
use super::{limit, valgrind};
use crate::base::pointer;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The last piece of memory from there. The first word of each piece leads to the previous one.
static FROM_TOOL: AtomicUsize = AtomicUsize::new(0);

/// `len` bytes from memcheck's allocator, after `align` bytes for the link to the previous piece. In
/// such memory memcheck looks for pointers only in blocks that are in use. In a mapping of metes, a
/// block to which only a lost block leads would count as reachable.
pub fn map(len: usize, align: usize) -> Option<usize> {
    let memalign = libc_memalign()?;
    limit::count_in(len)?;
    // SAFETY: the libc's function of this name has this type.
    let place = keeping_errno(|| unsafe { memalign(align, align + len) });
    if place.is_null() {
        limit::count_out(len);
        return None;
    }
    let place = pointer::expose(place);
    let start = place + align;
    // SAFETY: allocated just now.
    unsafe { pointer::at_mut::<u8>(start).write_bytes(0, len) };
    valgrind::hide(start, len);
    // To the tool this is a block of one word, which leads to the previous piece. Otherwise all blocks
    // in it would be inside a block of this size.
    valgrind::shrink(place, align + len, size_of::<usize>());
    valgrind::show(place, size_of::<usize>());
    let mut before = FROM_TOOL.load(Ordering::Relaxed);
    loop {
        // SAFETY: allocated just now.
        unsafe { pointer::at_mut::<usize>(place).write(before) };
        match FROM_TOOL.compare_exchange(before, place, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Some(start),
            Err(other) => before = other,
        }
    }
}

// Not every libc has it.
#[cfg(all(target_env = "gnu", not(test)))]
core::arch::global_asm!(".weak __libc_memalign");

/// At exit under valgrind: frees the pieces, so that the blocks that are left are the program's alone.
pub fn forget() {
    let mut place = FROM_TOOL.swap(0, Ordering::Relaxed);
    while place != 0 {
        // SAFETY: the first word of a piece, which is never given back except in the tool's books.
        let before = unsafe { pointer::at::<usize>(place).read() };
        valgrind::freed!(place);
        place = before;
    }
}

/// The libc's own `memalign`, if the libc has it, under a name that no other library defines.
#[cfg(all(target_env = "gnu", not(test)))]
fn libc_memalign() -> Option<unsafe extern "C" fn(usize, usize) -> *mut core::ffi::c_void> {
    unsafe extern "C" {
        static __libc_memalign: u8;
    }
    let address = &raw const __libc_memalign;
    // SAFETY: null if the libc has none, or the libc's function, which has this type.
    unsafe { core::mem::transmute(address) }
}

#[cfg(not(all(target_env = "gnu", not(test))))]
fn libc_memalign() -> Option<unsafe extern "C" fn(usize, usize) -> *mut core::ffi::c_void> {
    None
}
