//! Where an allocator's chunks come from: from the process's malloc, as any block of the program's, or from a heap that
//! the program has made.

#![allow(unsafe_code)]

use super::heap;
use crate::base::config::GRAIN;
use crate::base::family::Family;
use crate::compartment::table::Handle;
#[cfg(not(miri))]
use crate::front::{entries, usable};
use core::ptr::NonNull;
#[cfg(miri)]
use under_miri as entries;

/// A source of chunks.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// `malloc` and `free` of this library, whatever the program's own are.
    Process,
    /// A heap by name.
    Heap(Handle),
}

impl Memory {
    /// At least `bytes` bytes, aligned to `align`, a power of two; `None`, and `ENOMEM` in errno, if there is no
    /// memory.
    pub fn allocate(self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        match self {
            Self::Process if align <= GRAIN => NonNull::new(entries::malloc(bytes)),
            Self::Process => NonNull::new(entries::aligned_alloc(Family::Malloc, bytes, align)),
            Self::Heap(handle) => NonNull::new(heap::malloc_aligned(handle, bytes, align.max(GRAIN))),
        }
    }

    /// How many bytes a chunk has: at least what was asked for.
    pub fn usable(self, chunk: NonNull<u8>) -> usize {
        match self {
            Self::Process => usable::usable_size(chunk.as_ptr()),
            Self::Heap(handle) => heap::usable_size(handle, chunk.as_ptr()),
        }
    }

    /// Gives a chunk back.
    ///
    /// # Safety
    /// It is from here, and nothing uses it any more.
    pub unsafe fn release(self, chunk: NonNull<u8>) {
        match self {
            // SAFETY: the caller's promise.
            Self::Process => unsafe { entries::free_called(chunk.as_ptr(), Family::Malloc) },
            // SAFETY: the same.
            Self::Heap(handle) => unsafe { heap::free(handle, chunk.as_ptr()) },
        }
    }
}

/// The process's malloc where Miri cannot run this library's: the libc's. A block is the end of one that begins with
/// its address and its size.
#[cfg(miri)]
mod under_miri {
    use super::{Family, GRAIN};
    use crate::base::pointer;

    pub fn malloc(n: usize) -> *mut u8 {
        aligned_alloc(Family::Malloc, n, GRAIN)
    }

    pub fn aligned_alloc(_: Family, n: usize, align: usize) -> *mut u8 {
        // SAFETY: the call takes any number.
        let whole = pointer::expose(unsafe { libc::malloc(n + 2 * align).cast::<u8>() });
        let block = (whole + align + align - 1) & !(align - 1);
        let words: *mut [usize; 2] = pointer::at_mut(block - GRAIN);
        // SAFETY: there are `align` bytes before the block at the least, and it is not less than the grain.
        unsafe { words.write([whole, n]) };
        pointer::at_mut(block)
    }

    pub fn usable_size(block: *mut u8) -> usize {
        // SAFETY: a block from here.
        unsafe { pointer::at::<[usize; 2]>(block.addr() - GRAIN).read()[1] }
    }

    /// # Safety
    /// A block from here that nothing uses any more.
    pub unsafe fn free(_: Family, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { libc::free(pointer::at_mut(pointer::at::<[usize; 2]>(block.addr() - GRAIN).read()[0])) };
    }
}
