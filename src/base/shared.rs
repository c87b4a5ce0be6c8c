//! Words that threads share: the atomics, and `Unshared` for words that one thread at a time uses.
//!
//! The atomics are those of `core`. With the feature `models`, `model` reports each use of them and of
//! `Unshared` to loom. So the models run the code that is shipped, down to the layout of the structures.

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

/// The fast side of a fence; its slow side is `calls::barrier`. The two work like a pair of fences. Either
/// what precedes this in the program happens before what follows that call, or what precedes that call happens
/// before what follows this. This side costs nothing: the call makes every processor pass a fence, wherever it
/// is. So only the compiler must be kept from moving accesses across. In models both sides are full fences.
/// For a pair of the two sides this is no stronger, and two fast sides always belong to the same thread there.
#[inline(always)]
pub fn light_fence() {
    #[cfg(not(feature = "models"))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(feature = "models")]
    super::model::fence();
}

/// A word that no two threads, and no thread and its signal handler, use at the same time, unless all
/// of them only read. Either it is written before another thread can see it and never again, or its
/// owner changes through an atomic. It is not an atomic, so the compiler may use it in place.
#[repr(transparent)]
pub struct Unshared<T>(UnsafeCell<T>);

// SAFETY: a copy of a value may go to any thread, and the code that shares one passes it on through an atomic.
unsafe impl<T: Copy + Send> Sync for Unshared<T> {}

impl<T: Copy> Unshared<T> {
    /// A word with the value `value`.
    pub const fn new(value: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<usize>(), "a word") };
        Self(UnsafeCell::new(value))
    }

    /// The value.
    #[inline(always)]
    pub fn get(&self) -> T {
        #[cfg(feature = "models")]
        super::model::read(self.0.get().addr());
        // SAFETY: no other thread writes meanwhile, see the type.
        unsafe { *self.0.get() }
    }

    /// Sets the value.
    #[inline(always)]
    pub fn set(&self, value: T) {
        #[cfg(feature = "models")]
        super::model::written(self.0.get().addr());
        // SAFETY: no other thread reads or writes meanwhile, see the type.
        unsafe { *self.0.get() = value };
    }
}
