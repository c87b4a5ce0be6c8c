//! Sleeping while a word keeps its value: futex(2), private to the process.

#![allow(unsafe_code)]

pub use calls::{wait, wait_most, wake_one};

#[cfg(not(feature = "models"))]
mod calls {
    use crate::base::shared::AtomicU32;
    use crate::sys::linux;

    /// Sleeps until it is woken, if the word still says `value`. It may return earlier.
    pub fn wait(word: &AtomicU32, value: u32) {
        call(word, libc::FUTEX_WAIT, value, None);
    }

    /// The same, for so many milliseconds at most.
    pub fn wait_most(word: &AtomicU32, value: u32, most: u64) {
        let (seconds, rest) = (most / 1000, most % 1000 * 1_000_000);
        let time = libc::timespec { tv_sec: seconds.cast_signed(), tv_nsec: rest.cast_signed() };
        call(word, libc::FUTEX_WAIT, value, Some(&time));
    }

    /// Wakes one of those who sleep on the word.
    pub fn wake_one(word: &AtomicU32) {
        call(word, libc::FUTEX_WAKE, 1, None);
    }

    fn call(word: &AtomicU32, operation: libc::c_int, value: u32, time: Option<&libc::timespec>) {
        let time = time.map_or(0, |time| core::ptr::from_ref(time).expose_provenance());
        linux::keeping_errno(|| {
            // SAFETY: the word outlives the call; a private futex only sleeps or wakes.
            unsafe {
                let operation = linux::int(operation | libc::FUTEX_PRIVATE_FLAG);
                linux::call(libc::SYS_futex, [word.as_ptr().expose_provenance(), operation, value as usize, time]);
            }
        });
    }
}

/// What the kernel does, for models. loom switches threads at uses of words only, so what follows one here is atomic with it;
/// adding zero is a use that sees the newest value and orders nothing.
#[cfg(feature = "models")]
mod calls {
    use crate::base::shared::AtomicU32;
    use core::cell::RefCell;
    use core::sync::atomic::Ordering::Relaxed;
    use loom::thread::{self, Thread};
    use std::vec::Vec;

    std::thread_local! {
        static SLEEPERS: RefCell<Vec<(*const AtomicU32, Thread)>> = const { RefCell::new(Vec::new()) };
    }

    pub fn wait(word: &AtomicU32, value: u32) {
        if word.fetch_add(0, Relaxed) == value {
            SLEEPERS.with_borrow_mut(|sleepers| sleepers.push((word, thread::current())));
            thread::park();
        }
    }

    pub fn wait_most(word: &AtomicU32, value: u32, _most: u64) {
        wait(word, value);
    }

    pub fn wake_one(word: &AtomicU32) {
        word.fetch_add(0, Relaxed);
        SLEEPERS.with_borrow_mut(|sleepers| {
            if let Some(first) = sleepers.iter().position(|&(on, _)| core::ptr::eq(on, word)) {
                sleepers.remove(first).1.unpark();
            }
        });
    }
}
