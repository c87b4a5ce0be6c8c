//! The `Allocator` traits: of the crate `allocator-api2` (feature `allocator-api2`), and of the standard library
//! (feature `nightly`). The first is what hashbrown, bumpalo and others take on a stable compiler.

#![allow(unsafe_code)]

use super::heap::{Heap, LocalHeap};
use crate::abi::global::Metes;
use crate::base::config::GRAIN;
use crate::special::heap;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

/// What both traits need of a source of memory.
///
/// # Safety
/// A block is as its layout says, and stays until it is given back, wherever the value moves that it came from.
unsafe trait Source {
    /// Memory for a layout of at least a byte; null if there is none.
    fn get(&self, layout: Layout) -> *mut u8;

    /// Gives memory back.
    ///
    /// # Safety
    /// It is from here, with this layout, and nothing uses it any more.
    unsafe fn give(&self, block: NonNull<u8>, layout: Layout);

    /// The block with another size, of at least a byte, and what was in it; null if there is no memory: then it is as
    /// it was.
    ///
    /// # Safety
    /// It is from here, with this layout, and nothing uses it any more when there is another.
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, size: usize) -> *mut u8;
}

// SAFETY: as the global allocator's.
unsafe impl Source for Metes {
    fn get(&self, layout: Layout) -> *mut u8 {
        // SAFETY: not of no bytes.
        unsafe { GlobalAlloc::alloc(self, layout) }
    }

    unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::dealloc(self, block.as_ptr(), layout) };
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::realloc(self, block.as_ptr(), layout, size) }
    }
}

/// Implements `Source` for a kind of heap.
macro_rules! source {
    ($heap:ty) => {
        // SAFETY: a heap's blocks stay as long as the heap, which is borrowed.
        unsafe impl Source for &$heap {
            fn get(&self, layout: Layout) -> *mut u8 {
                heap::malloc(self.handle(), layout.size(), layout.align().max(GRAIN))
            }

            unsafe fn give(&self, block: NonNull<u8>, _layout: Layout) {
                // SAFETY: the caller's promise.
                unsafe { heap::free(self.handle(), block.as_ptr()) };
            }

            unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, size: usize) -> *mut u8 {
                // SAFETY: the caller's promise; a larger alignment has to be kept by hand.
                unsafe {
                    if layout.align() <= GRAIN {
                        return heap::realloc(self.handle(), block.as_ptr(), size);
                    }
                    let new = heap::malloc(self.handle(), size, layout.align());
                    if !new.is_null() {
                        new.copy_from_nonoverlapping(block.as_ptr(), layout.size().min(size));
                        heap::free(self.handle(), block.as_ptr());
                    }
                    new
                }
            }
        }
    };
}

source!(Heap);
source!(LocalHeap);

/// Memory for a layout, also of no bytes.
fn allocate(source: &impl Source, layout: Layout) -> Option<NonNull<[u8]>> {
    let block = if layout.size() == 0 {
        NonNull::new(core::ptr::without_provenance_mut(layout.align()))
    } else {
        NonNull::new(source.get(layout))
    };
    block.map(|block| NonNull::slice_from_raw_parts(block, layout.size()))
}

/// Gives memory of `allocate` back.
///
/// # Safety
/// As for `Source::give`.
unsafe fn deallocate(source: &impl Source, block: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: the caller's promise.
        unsafe { source.give(block, layout) };
    }
}

/// Makes memory of `allocate` larger or smaller.
///
/// # Safety
/// As for `Source::resize`.
unsafe fn reallocate(source: &impl Source, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
    if old.size() == 0 || new.size() == 0 || old.align() != new.align() {
        let moved = allocate(source, new)?;
        // SAFETY: two blocks of at least so many bytes, of which the caller gives one up.
        unsafe {
            moved.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
            deallocate(source, block, old);
        }
        return Some(moved);
    }
    // SAFETY: the caller's promise; neither has no bytes.
    let block = NonNull::new(unsafe { source.resize(block, old, new.size()) })?;
    Some(NonNull::slice_from_raw_parts(block, new.size()))
}

/// Implements a trait `Allocator` for a source.
macro_rules! implement {
    ($module:ident, $type:ty) => {
        // SAFETY: see `Source`.
        unsafe impl $module::Allocator for $type {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $module::AllocError> {
                allocate(self, layout).ok_or($module::AllocError)
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller's promise.
                unsafe { deallocate(self, block, layout) };
            }

            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $module::AllocError> {
                // SAFETY: the caller's promise.
                unsafe { reallocate(self, block, old, new) }.ok_or($module::AllocError)
            }

            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $module::AllocError> {
                // SAFETY: the caller's promise.
                unsafe { reallocate(self, block, old, new) }.ok_or($module::AllocError)
            }
        }
    };
}

#[cfg(feature = "allocator-api2")]
mod by_crate {
    use super::*;
    use allocator_api2::alloc as api;

    implement!(api, Metes);
    implement!(api, &Heap);
    implement!(api, &LocalHeap);
}

#[cfg(feature = "nightly")]
mod by_std {
    use super::*;
    use core::alloc as api;

    implement!(api, Metes);
    implement!(api, &Heap);
    implement!(api, &LocalHeap);
}
