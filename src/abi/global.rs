//! metes as a Rust program's global allocator.

use crate::base::config::GRAIN;
use crate::base::family::Family;
use crate::front::alloc;
use core::alloc::{GlobalAlloc, Layout};

/// The allocator: `#[global_allocator] static ALLOCATOR: metes::Metes = metes::Metes;`
///
/// All values of it are the same allocator, the process's one. Thread-safe.
#[derive(Clone, Copy, Default, Debug)]
pub struct Metes;

// SAFETY: blocks have the size and alignment asked for, and stay until they are given back; nothing unwinds.
unsafe impl GlobalAlloc for Metes {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > GRAIN {
            alloc::allocate_aligned(Family::Malloc, layout.size(), layout.align())
        } else {
            alloc::allocate(layout.size())
        }
    }

    unsafe fn dealloc(&self, p: *mut u8, _layout: Layout) {
        // SAFETY: the caller gives the block up.
        unsafe { alloc::release(Family::Malloc, p) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        alloc::allocate_zeroed(layout.size(), layout.align().max(GRAIN))
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a larger alignment has to be kept by hand.
        unsafe {
            if layout.align() <= GRAIN {
                return alloc::resize(p, size);
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(p, layout.size().min(size));
                self.dealloc(p, layout);
            }
            new
        }
    }
}
