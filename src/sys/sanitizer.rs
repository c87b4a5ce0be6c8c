//! ThreadSanitizer, where the program runs under it and metes serves it: it takes memory that one thread has freed and another one gets for shared
//! without order, unless it is told what orders the two. Its runtime has functions for that, which are looked at from the library's
//! constructor on: then it has started. It does not know the helper, so there is none.

#![allow(unsafe_code)]

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

static LISTENS: AtomicBool = AtomicBool::new(false);

/// Whether the program runs under ThreadSanitizer.
#[inline]
pub fn listens() -> bool {
    LISTENS.load(Relaxed)
}

/// Looks whether it does. When the library is loaded.
pub fn begin() {
    LISTENS.store(runtime::is_there(), Relaxed);
}

/// What was done by whoever has released a place is before what this thread does from here on.
#[inline]
pub fn acquired<T>(place: &T) {
    if listens() {
        runtime::acquire(core::ptr::from_ref(place).addr());
    }
}

/// See `acquired`.
#[inline]
pub fn released<T>(place: &T) {
    if listens() {
        runtime::release(core::ptr::from_ref(place).addr());
    }
}

mod runtime {
    use crate::base::pointer;
    use crate::sys::linked::linked_address;

    /// Not in the library's own tests, of which the runtime knows all as it is.
    const LOOKED_FOR: bool = cfg!(all(target_env = "gnu", not(any(test, miri, tsan))));

    pub(super) fn is_there() -> bool {
        LOOKED_FOR && linked_address!("__tsan_acquire") != 0 && linked_address!("__tsan_release") != 0
    }

    /// # Safety
    /// A function of the runtime's, which is there.
    unsafe fn call(function: usize, place: usize) {
        // SAFETY: it takes an address, which it does not follow.
        unsafe {
            let function: extern "C" fn(usize) = core::mem::transmute(pointer::at::<()>(function));
            function(place);
        }
    }

    #[cold]
    pub(super) fn acquire(place: usize) {
        let function = linked_address!("__tsan_acquire");
        // SAFETY: `is_there` said so.
        unsafe { call(function, place) };
    }

    #[cold]
    pub(super) fn release(place: usize) {
        let function = linked_address!("__tsan_release");
        // SAFETY: `is_there` said so.
        unsafe { call(function, place) };
    }
}
