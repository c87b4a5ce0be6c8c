//! Words that threads share: the atomics, and `Unshared` for what one thread at a time uses.
//!
//! The atomics are the core's. Where the feature `models` is on they and `Unshared` are told to loom by `model`, so the models run the
//! code that is shipped, down to the layout of the structures.

#![allow(unsafe_code)]

use core::cell::UnsafeCell;

#[cfg(not(feature = "models"))]
pub use core::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
};

#[cfg(feature = "models")]
pub use super::model::{AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(feature = "models")]
pub use loom::sync::atomic::fence;

#[cfg(not(feature = "models"))]
pub use core::sync::atomic::fence;

/// The fast side of a fence whose other side is `calls::barrier`: what stands before it in the program happens before what stands after that call, or
/// what stands before that call happens before what stands after this, as with two fences. It costs nothing: the call makes every processor
/// pass a fence wherever it is, so all that is to be seen to here is that the compiler moves nothing across. In models both are fences: of a pair
/// of them that demands no more, and two of the fast side are always one thread's there.
#[inline(always)]
pub fn light_fence() {
    #[cfg(not(feature = "models"))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(feature = "models")]
    super::model::fence();
}

/// A word that no two threads, and no thread and its signal handler, use at a time, unless all of them read: one that is written before anybody can
/// see it and never again, or whose owner changes through an atomic. Not an atomic: the compiler may use it in place.
#[repr(transparent)]
pub struct Unshared<T>(UnsafeCell<T>);

// SAFETY: a copy of a value may go to any thread, and whoever shares one sees to it that it changes hands through an atomic.
unsafe impl<T: Copy + Send> Sync for Unshared<T> {}

impl<T: Copy> Unshared<T> {
    /// A word that says `value`.
    pub const fn new(value: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<usize>(), "a word") };
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
