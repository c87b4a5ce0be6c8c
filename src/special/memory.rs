//! Where an allocator's chunks come from: from the process's malloc, as any block of the program's, or from a heap that
//! the program has made.

#![allow(unsafe_code)]

use super::heap;
use crate::base::config::GRAIN;
use crate::base::family::Family;
use crate::compartment::table::Handle;
use crate::front::entries;
use core::ptr::NonNull;

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
            Self::Process => entries::usable_size(chunk.as_ptr()),
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
            Self::Process => unsafe { entries::free(Family::Malloc, chunk.as_ptr()) },
            // SAFETY: the same.
            Self::Heap(handle) => unsafe { heap::free(handle, chunk.as_ptr()) },
        }
    }
}
