//! The way into an allocator that one thread uses, or that several share behind a lock.

#![allow(unsafe_code)]

use crate::sys::lock::FutexLock;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use lock_api::RawMutex;

/// What one thread at a time may use: whoever it belongs to, or, where it is shared, whoever has the lock.
pub struct Entry<T> {
    value: UnsafeCell<T>,
    lock: FutexLock,
    is_shared: bool,
}

/// The right to use it.
pub struct Entered<'a, T>(&'a Entry<T>);

impl<T> Entry<T> {
    /// Something that is shared, or not.
    pub fn new(value: T, is_shared: bool) -> Self {
        Self { value: UnsafeCell::new(value), lock: FutexLock::INIT, is_shared }
    }

    /// Enters; waits for whoever is inside, where it is shared. Not twice at a time on one thread.
    ///
    /// # Safety
    /// Where it is not shared no other thread uses it. No other `Entered` of this thread's is there, and no reference
    /// from `alone`.
    #[inline]
    pub unsafe fn enter(&self) -> Entered<'_, T> {
        if self.is_shared {
            self.lock();
        }
        Entered(self)
    }

    #[inline(never)]
    fn lock(&self) {
        self.lock.lock();
    }

    #[inline(never)]
    fn unlock(&self) {
        // SAFETY: it was locked by `enter`.
        unsafe { self.lock.unlock() };
    }

    /// The value itself.
    ///
    /// # Safety
    /// It is not shared, no other thread uses it, and there is no other reference to it nor an `Entered`.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "see above")]
    pub unsafe fn alone(&self) -> &mut T {
        debug_assert!(!self.is_shared);
        // SAFETY: the caller's promise.
        unsafe { &mut *self.value.get() }
    }
}

impl<T> Deref for Entered<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: see `enter`.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Entered<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: see `enter`.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Entered<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_shared {
            self.0.unlock();
        }
    }
}
