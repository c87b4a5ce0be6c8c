//! Words that threads share: the atomics, and `Own` for what one thread at a time uses.
//!
//! The atomics are the core's. Where the feature `models` is on they and `Own` are told to loom by `model`, so the models run the
//! code that is shipped, down to the layout of the structures.

#![allow(unsafe_code)]

use core::cell::UnsafeCell;

#[cfg(not(feature = "models"))]
pub use core::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(feature = "models")]
pub use super::model::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// A word that one thread reads while another may write it: whole, and just once, as the kernel's `READ_ONCE` does. It orders nothing. Not
/// an atomic: the compiler takes those out of memory with an instruction of their own.
#[repr(transparent)]
pub struct Whole<T>(UnsafeCell<T>);

// SAFETY: it is read and written whole.
unsafe impl<T> Sync for Whole<T> {}

impl<T: Copy> Whole<T> {
    /// What it says.
    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: volatile, so once and in one piece; the types used are no larger than a register.
        unsafe { self.0.get().read_volatile() }
    }

    /// Makes it say `value`.
    #[inline(always)]
    pub fn set(&self, value: T) {
        // SAFETY: as above.
        unsafe { self.0.get().write_volatile(value) };
    }
}

/// A word that no two threads use at a time, unless all of them read. Not an atomic: the compiler may use it in place, which
/// is what makes the fast paths short.
#[repr(transparent)]
pub struct Own<T>(UnsafeCell<T>);

// SAFETY: whoever shares one sees to it that it changes hands through an atomic.
unsafe impl<T> Sync for Own<T> {}

impl<T: Copy> Own<T> {
    /// A word that says `value`.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// What it says.
    #[inline(always)]
    pub fn get(&self) -> T {
        #[cfg(feature = "models")]
        super::model::read(self.0.get().addr());
        // SAFETY: nobody writes meanwhile, see the type.
        unsafe { *self.0.get() }
    }

    /// Makes it say `value`.
    #[inline(always)]
    pub fn set(&self, value: T) {
        #[cfg(feature = "models")]
        super::model::written(self.0.get().addr());
        // SAFETY: nobody else reads or writes meanwhile, see the type.
        unsafe { *self.0.get() = value };
    }
}
