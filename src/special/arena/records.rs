//! What an arena keeps among its own pieces: a record for each mark, and one for each cleanup.

#![allow(unsafe_code)]

use super::chunk::Chunk;
use super::seal;
use crate::base::mangled::MangledFn;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::NonNull;

/// Called when the arena lets go of what was allocated before.
pub type Function = extern "C" fn(argument: *mut c_void);

/// What a mark has to restore. It stands where the mark was set, so that it goes with what is rewound.
#[repr(C)]
pub struct MarkRecord {
    /// The mark before.
    pub prev: Option<NonNull<MarkRecord>>,
    /// The chunk that the record stands in.
    pub chunk: Chunk,
    /// Which mark it is: no two have the same.
    pub serial: u64,
    /// How many chunks for one piece there were.
    pub large: usize,
    /// How many cleanups there were.
    pub cleanups: usize,
    seal: Cell<u64>,
}

impl MarkRecord {
    fn seals(&self) -> [usize; 5] {
        let prev = self.prev.map_or(0, |prev| prev.addr().get());
        let serial = usize::try_from(self.serial).unwrap_or(usize::MAX);
        [prev, self.chunk.address(), serial, self.large, self.cleanups]
    }

    fn address(&self) -> usize {
        (&raw const *self).addr()
    }

    /// Writes it.
    ///
    /// # Safety
    /// The place is the arena's, and aligned.
    pub unsafe fn write(place: NonNull<Self>, prev: Option<NonNull<Self>>, chunk: Chunk, numbers: (u64, usize, usize)) {
        let (serial, large, cleanups) = numbers;
        // SAFETY: the caller's promise.
        unsafe { place.write(Self { prev, chunk, serial, large, cleanups, seal: Cell::new(0) }) };
        // SAFETY: it was just written.
        let record = unsafe { place.as_ref() };
        record.seal.set(seal::of(record.address(), &record.seals()));
    }

    /// Whether it is what was written.
    #[inline(never)]
    pub fn is_whole(&self) -> bool {
        seal::holds(self.seal.get(), self.address(), &self.seals())
    }

    /// The record at a place, which is what was written.
    ///
    /// # Safety
    /// The arena has put one there, and has not let go of it.
    pub unsafe fn at<'a>(place: NonNull<Self>) -> &'a Self {
        // SAFETY: the caller's promise.
        let record = unsafe { place.as_ref() };
        if !record.is_whole() {
            seal::broken(record.address());
        }
        record
    }
}

/// A function to call.
#[repr(C)]
pub struct Cleanup {
    /// The one that was registered before.
    pub prev: Option<NonNull<Cleanup>>,
    function: MangledFn<Function>,
    argument: *mut c_void,
    seal: Cell<u64>,
}

impl Cleanup {
    fn seals(&self) -> [usize; 2] {
        [self.prev.map_or(0, |prev| prev.addr().get()), self.argument.addr()]
    }

    fn address(&self) -> usize {
        (&raw const *self).addr()
    }

    /// Writes it.
    ///
    /// # Safety
    /// The place is the arena's, and aligned.
    pub unsafe fn write(place: NonNull<Self>, prev: Option<NonNull<Self>>, function: Function, argument: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { place.write(Self { prev, function: MangledFn::none(), argument, seal: Cell::new(0) }) };
        // SAFETY: it was just written.
        let cleanup = unsafe { place.as_ref() };
        // Nothing was there, so nothing can be wrong with it.
        let _ = cleanup.function.swap(Some(function));
        cleanup.seal.set(seal::of(cleanup.address(), &cleanup.seals()));
    }

    /// Whether it is what was written.
    pub fn is_whole(&self) -> bool {
        seal::holds(self.seal.get(), self.address(), &self.seals()) && matches!(self.function.get(), Ok(Some(_)))
    }

    /// What was registered at a place: the one before it, the function, and its argument.
    ///
    /// # Safety
    /// The arena has put a cleanup there, and has not let go of it.
    pub unsafe fn at(place: NonNull<Self>) -> (Option<NonNull<Self>>, Function, *mut c_void) {
        // SAFETY: the caller's promise.
        let cleanup = unsafe { place.as_ref() };
        match cleanup.function.get() {
            Ok(Some(function)) if cleanup.is_whole() => (cleanup.prev, function, cleanup.argument),
            _ => seal::broken(cleanup.address()),
        }
    }
}
