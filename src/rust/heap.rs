//! A heap of its own: blocks that no other heap shares a page with, a limit, and one end for all.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::compartment::table::{Handle, Options};
use crate::special::heap;
use core::alloc::Layout;
use core::ptr::NonNull;

/// A heap of its own. What is allocated lives as long as the heap, or until it is freed: safe code cannot use a block
/// after that.
///
/// Shared by threads: each call takes the heap's lock. Dropping the heap frees all blocks at once, and runs no
/// destructor of what is in them.
#[derive(Debug)]
pub struct Heap {
    handle: Handle,
}

/// There is no memory, or the heap's limit would be passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocError;

impl core::fmt::Display for AllocError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("out of memory")
    }
}

impl core::error::Error for AllocError {}

/// How a heap is to be.
#[derive(Clone, Copy, Debug)]
pub struct HeapBuilder<'a> {
    name: &'a str,
    limit: usize,
}

impl<'a> HeapBuilder<'a> {
    /// What reports call the heap: up to 31 bytes are kept.
    #[must_use]
    pub fn name(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    /// The most bytes that blocks in use may have, 8 bytes of header for each included.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Makes the heap.
    pub fn make(self) -> Result<Heap, AllocError> {
        let name = self.name.as_bytes();
        let options = Options { limit: self.limit, name, ..Options::DEFAULT };
        heap::make(&options).map(|handle| Heap { handle }).ok_or(AllocError)
    }
}

impl Heap {
    /// A heap without a name and a limit.
    pub fn new() -> Result<Self, AllocError> {
        Self::builder().make()
    }

    /// How a heap is to be: no name and no limit, unless that is changed.
    #[must_use]
    pub fn builder<'a>() -> HeapBuilder<'a> {
        HeapBuilder { name: "", limit: usize::MAX }
    }

    /// Its handle.
    #[cfg(any(feature = "allocator-api2", feature = "nightly"))]
    pub(super) fn handle(&self) -> Handle {
        self.handle
    }

    /// Memory for a layout, not initialised.
    pub fn alloc_layout(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let align = layout.align().max(GRAIN);
        NonNull::new(heap::malloc(self.handle, layout.size(), align)).ok_or(AllocError)
    }

    /// Moves a value into the heap. It is never dropped.
    #[expect(clippy::mut_from_ref, reason = "each call gives other memory")]
    pub fn alloc<T>(&self, value: T) -> Result<&mut T, AllocError> {
        let place = self.alloc_layout(Layout::new::<T>())?.cast::<T>();
        // SAFETY: new memory of the type's layout, which lives as long as the heap, and which nobody else has.
        unsafe {
            place.write(value);
            Ok(&mut *place.as_ptr())
        }
    }

    /// A copy of a slice, in the heap.
    #[expect(clippy::mut_from_ref, reason = "each call gives other memory")]
    pub fn alloc_slice_copy<T: Copy>(&self, values: &[T]) -> Result<&mut [T], AllocError> {
        let place = self.alloc_layout(Layout::for_value(values))?.cast::<T>();
        // SAFETY: as in `alloc`.
        unsafe {
            place.as_ptr().copy_from_nonoverlapping(values.as_ptr(), values.len());
            Ok(core::slice::from_raw_parts_mut(place.as_ptr(), values.len()))
        }
    }

    /// A copy of a text, in the heap.
    pub fn alloc_str(&self, text: &str) -> Result<&str, AllocError> {
        let bytes = self.alloc_slice_copy(text.as_bytes())?;
        // SAFETY: a copy of a text.
        Ok(unsafe { core::str::from_utf8_unchecked(bytes) })
    }

    /// Frees memory of this heap.
    ///
    /// # Safety
    /// `block` is from `alloc_layout` of this heap, and nothing uses it any more.
    pub unsafe fn dealloc(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { heap::free(self.handle, block.as_ptr()) };
    }

    /// Frees all blocks; the memory stays for the next ones.
    pub fn reset(&mut self) {
        heap::reset(self.handle);
    }

    /// Bytes of blocks in use, 8 bytes of header for each included.
    #[must_use]
    pub fn live(&self) -> usize {
        heap::figures(self.handle).map_or(0, |figures| figures.live)
    }

    /// Whether an address is in this heap's memory.
    #[must_use]
    pub fn owns<T>(&self, pointer: *const T) -> bool {
        heap::of(pointer.addr()) == Some(self.handle)
    }

    /// Checks every invariant of the heap: what is broken.
    pub fn check(&self) -> Result<(), &'static str> {
        heap::check(self.handle).map_err(|(what, _)| what)
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        heap::destroy(self.handle);
    }
}
