//! ThreadSanitizer, if the program runs under it and metes serves the program. One thread frees memory
//! that another thread gets. ThreadSanitizer takes that for a race, unless it is told what orders the
//! two. Its runtime has functions for that. They are looked for from the library's constructor on, when
//! the runtime has started. ThreadSanitizer does not know the helper, so there is none.

#![allow(unsafe_code)]

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

static LISTENS: AtomicBool = AtomicBool::new(false);

/// Whether the program runs under ThreadSanitizer.
#[inline]
pub fn listens() -> bool {
    LISTENS.load(Relaxed)
}

/// Finds out whether `listens` is true, when the library is loaded.
pub fn begin() {
    LISTENS.store(runtime::is_there(), Relaxed);
}

/// Orders what other threads did before they released a place before what this thread does from here on.
#[inline]
pub fn acquired<T>(place: &T) {
    if listens() {
        runtime::acquire(core::ptr::from_ref(place).addr());
    }
}

/// Releases a place. See `acquired`.
#[inline]
pub fn released<T>(place: &T) {
    if listens() {
        runtime::release(core::ptr::from_ref(place).addr());
    }
}

mod runtime {
    use crate::base::pointer;
    use crate::sys::linked::linked_address;

    /// Not in the library's own tests, which the runtime sees as they are.
    const LOOKED_FOR: bool = cfg!(all(target_env = "gnu", not(any(test, miri, tsan))));

    pub(super) fn is_there() -> bool {
        LOOKED_FOR && linked_address!("__tsan_acquire") != 0 && linked_address!("__tsan_release") != 0
    }

    /// # Safety
    /// `function` is a function of the runtime.
    unsafe fn call(function: usize, place: usize) {
        // SAFETY: the function takes an address, which it does not follow.
        unsafe {
            let function: extern "C" fn(usize) = core::mem::transmute(pointer::at::<()>(function));
            function(place);
        }
    }

    #[cold]
    pub(super) fn acquire(place: usize) {
        let function = linked_address!("__tsan_acquire");
        // SAFETY: `is_there` found the function.
        unsafe { call(function, place) };
    }

    #[cold]
    pub(super) fn release(place: usize) {
        let function = linked_address!("__tsan_release");
        // SAFETY: `is_there` found the function.
        unsafe { call(function, place) };
    }
}
