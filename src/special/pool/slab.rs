//! A slab's record: where the slab is, and which of its objects are free. It stands beside the slab, in a block of
//! its own: nothing that a program writes behind an object reaches it there, and the records of many slabs do not all
//! compete for the same lines of the processor's caches.

#![allow(unsafe_code)]

use super::shape::Shape;
use crate::special::memory::Memory;
use core::ptr::NonNull;

/// The record. Behind it stand the words of the bitmap: a bit is set if its object is free.
#[repr(C)]
pub struct Slab {
    /// Where the first object is.
    pub start: usize,
    /// Which words have a bit.
    pub summary: u64,
    /// The number that it keeps for as long as it is there.
    pub id: usize,
    /// Where it stood among the pool's slabs when that was last looked up.
    pub hint: usize,
    /// While it is in no pool: the next of several.
    pub next: *mut Slab,
}

/// A slab by its record.
pub type SlabRef = NonNull<Slab>;

/// A slab of new memory, all of whose objects are free.
pub fn make(shape: &Shape) -> Option<SlabRef> {
    let bytes = size_of::<Slab>() + shape.words() * size_of::<u64>();
    let record: SlabRef = Memory::Process.allocate(bytes, align_of::<Slab>())?.cast();
    let Some(chunk) = Memory::Process.allocate(shape.chunk_bytes(), shape.slab_bytes) else {
        // SAFETY: it was just made.
        unsafe { Memory::Process.release(record.cast()) };
        return None;
    };
    let start = chunk.as_ptr().expose_provenance();
    // SAFETY: the record's block has room for it and the words.
    unsafe {
        record.write(Slab { start, summary: 0, id: 0, hint: 0, next: core::ptr::null_mut() });
        fill(record, shape);
    }
    Some(record)
}

/// Gives a slab's memory back.
///
/// # Safety
/// It is from `make`, and nobody uses it any more.
pub unsafe fn release(slab: SlabRef) {
    // SAFETY: the caller's promise; both blocks are from `make`.
    unsafe {
        let chunk = NonNull::new_unchecked(crate::base::pointer::at_mut::<u8>((*slab.as_ptr()).start));
        Memory::Process.release(chunk);
        Memory::Process.release(slab.cast());
    }
}

/// A word of its bitmap.
///
/// # Safety
/// The slab is there, and has such a word.
#[inline(always)]
pub unsafe fn word(slab: SlabRef, index: usize) -> *mut u64 {
    // SAFETY: the caller's promise: the words stand behind the record.
    unsafe { slab.as_ptr().add(1).cast::<u64>().add(index) }
}

/// Makes all objects free.
///
/// # Safety
/// The slab is there, and of this shape.
pub unsafe fn fill(slab: SlabRef, shape: &Shape) {
    for index in 0..shape.words() {
        // SAFETY: the caller's promise.
        unsafe { *word(slab, index) = shape.valid(index) };
    }
    // SAFETY: the same.
    unsafe { (*slab.as_ptr()).summary = u64::MAX >> (64 - shape.words()) };
}

/// How many objects are free.
///
/// # Safety
/// The slab is there, and of this shape.
pub unsafe fn count_free(slab: SlabRef, shape: &Shape) -> usize {
    // SAFETY: the caller's promise.
    (0..shape.words()).map(|index| unsafe { (*word(slab, index)).count_ones() } as usize).sum()
}
