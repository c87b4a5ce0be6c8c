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

#[cfg(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64"), not(any(test, miri, tsan))))]
mod runtime {
    use crate::base::pointer;
    /// The address of a function of its runtime, or 0: the loader has written it there.
    macro_rules! address {
        ($name:literal) => {{
            let address: usize;
            // SAFETY: reads a word that the loader fills.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                core::arch::asm!(
                    concat!(".weak ", $name),
                    concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                    out(reg) address,
                    options(pure, readonly, nostack, preserves_flags),
                );
                #[cfg(target_arch = "aarch64")]
                core::arch::asm!(
                    concat!(".weak ", $name),
                    concat!("adrp {0}, :got:", $name),
                    concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                    out(reg) address,
                    options(pure, readonly, nostack, preserves_flags),
                );
            }
            address
        }};
    }

    pub(super) fn is_there() -> bool {
        address!("__tsan_acquire") != 0 && address!("__tsan_release") != 0
    }

    fn call(function: usize, place: usize) {
        // SAFETY: a function of the runtime's that takes an address, which it does not follow.
        unsafe {
            let function: extern "C" fn(usize) = core::mem::transmute(pointer::at::<()>(function));
            function(place);
        }
    }

    #[cold]
    pub(super) fn acquire(place: usize) {
        call(address!("__tsan_acquire"), place);
    }

    #[cold]
    pub(super) fn release(place: usize) {
        call(address!("__tsan_release"), place);
    }
}

#[cfg(not(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64"), not(any(test, miri, tsan)))))]
mod runtime {
    pub(super) fn is_there() -> bool {
        false
    }

    pub(super) fn acquire(_place: usize) {}

    pub(super) fn release(_place: usize) {}
}
