//! Sleeping while a word keeps its value: futex(2), private to the process. The kernel compares only
//! the lower four bytes of a word of eight bytes.

#![allow(unsafe_code)]

use crate::base::pointer;
use crate::base::shared::{AtomicU32, AtomicU64};
pub use calls::{wait, wait_most, wake_all, wake_one};

/// A word that threads can sleep on.
pub trait Word {
    /// The type of its value.
    type Value;
    /// The address of its lower four bytes.
    fn low(&self) -> usize;
    /// The lower four bytes of a value.
    fn low_of(value: Self::Value) -> u32;
    /// The newest value. Orders nothing.
    #[cfg(feature = "models")]
    fn now(&self) -> Self::Value;
}

impl Word for AtomicU32 {
    type Value = u32;

    fn low(&self) -> usize {
        pointer::expose(self)
    }

    fn low_of(value: u32) -> u32 {
        value
    }

    #[cfg(feature = "models")]
    fn now(&self) -> u32 {
        self.fetch_add(0, core::sync::atomic::Ordering::Relaxed)
    }
}

impl Word for AtomicU64 {
    type Value = u64;

    fn low(&self) -> usize {
        pointer::expose(self) + if cfg!(target_endian = "big") { 4 } else { 0 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn low_of(value: u64) -> u32 {
        value as u32
    }

    #[cfg(feature = "models")]
    fn now(&self) -> u64 {
        self.fetch_add(0, core::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(not(feature = "models"))]
mod calls {
    use super::Word;
    use crate::base::pointer;
    #[cfg(miri)]
    use crate::sys::errno;
    #[cfg(not(miri))]
    use crate::sys::syscall::{call, int};

    /// Sleeps until it is woken, if the word still has the value `value`. It may return earlier.
    pub fn wait<W: Word>(word: &W, value: W::Value) {
        ask(word, libc::FUTEX_WAIT, W::low_of(value), None);
    }

    /// The same, for at most so many milliseconds.
    pub fn wait_most<W: Word>(word: &W, value: W::Value, most: u64) {
        let (seconds, rest) = (most / 1000, most % 1000 * 1_000_000);
        let time = libc::timespec { tv_sec: seconds.cast_signed(), tv_nsec: rest.cast_signed() };
        ask(word, libc::FUTEX_WAIT, W::low_of(value), Some(&time));
    }

    /// Wakes one thread that sleeps on the word.
    pub fn wake_one(word: &impl Word) {
        ask(word, libc::FUTEX_WAKE, 1, None);
    }

    /// Wakes all threads that sleep on the word.
    pub fn wake_all(word: &impl Word) {
        ask(word, libc::FUTEX_WAKE, i32::MAX.unsigned_abs(), None);
    }

    #[cfg(not(miri))]
    fn ask(word: &impl Word, operation: libc::c_int, value: u32, time: Option<&libc::timespec>) {
        let time = time.map_or(0, |time| pointer::expose(time));
        let operation = int(operation | libc::FUTEX_PRIVATE_FLAG);
        // SAFETY: the word outlives the call; a private futex only sleeps or wakes.
        let _ = unsafe { call(libc::SYS_futex, [word.low(), operation, value as usize, time]) };
    }

    /// Miri emulates the kernel. It wants pointers and numbers of the documented widths, where the
    /// kernel takes whole words.
    #[cfg(miri)]
    fn ask(word: &impl Word, operation: libc::c_int, value: u32, time: Option<&libc::timespec>) {
        let time = time.map_or(core::ptr::null(), core::ptr::from_ref);
        let word = pointer::at::<u32>(word.low());
        // SAFETY: as above.
        errno::keeping_errno(|| unsafe {
            libc::syscall(libc::SYS_futex, word, operation | libc::FUTEX_PRIVATE_FLAG, value, time)
        });
    }
}

/// A model of the kernel's part. loom switches threads only at uses of words, so the code after a use
/// is atomic with it. Adding zero is a use that sees the newest value and orders nothing.
#[cfg(feature = "models")]
mod calls {
    use super::Word;
    use core::cell::RefCell;
    use loom::thread::{self, Thread};
    use std::vec::Vec;

    std::thread_local! {
        static SLEEPERS: RefCell<Vec<(usize, Thread)>> = const { RefCell::new(Vec::new()) };
    }

    pub fn wait<W: Word>(word: &W, value: W::Value) {
        if W::low_of(word.now()) == W::low_of(value) {
            SLEEPERS.with_borrow_mut(|sleepers| sleepers.push((word.low(), thread::current())));
            thread::park();
        }
    }

    /// The time is over as soon as other threads have had a turn.
    pub fn wait_most<W: Word>(_word: &W, _value: W::Value, _most: u64) {
        thread::yield_now();
    }

    pub fn wake_one(word: &impl Word) {
        wake(word, 1);
    }

    pub fn wake_all(word: &impl Word) {
        wake(word, usize::MAX);
    }

    fn wake(word: &impl Word, most: usize) {
        word.now();
        SLEEPERS.with_borrow_mut(|sleepers| {
            for _ in 0..most {
                let Some(first) = sleepers.iter().position(|&(on, _)| on == word.low()) else { return };
                sleepers.remove(first).1.unpark();
            }
        });
    }
}
