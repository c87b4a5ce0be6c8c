//! Words that threads share: the atomics, and `Unshared` for what one thread at a time uses.
//!
//! The atomics are the core's. Where the feature `models` is on they and `Unshared` are told to loom by `model`, so the models run the
//! code that is shipped, down to the layout of the structures.

#![allow(unsafe_code)]

use core::cell::UnsafeCell;

pub use reads::{entry_at, is_below, is_below_at, is_set};

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

/// What the fast paths read of words that others write: relaxed loads. The compiler takes an atomic out of memory with an instruction of its own,
/// so these are in assembly, but for the tools that look at each access; to the language an `asm!` block may do whatever an atomic load may.
#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
mod reads {
    use super::{AtomicU16, AtomicUsize};
    use core::arch::asm;

    /// Whether a value is below what a word says.
    #[inline(always)]
    pub fn is_below(value: usize, word: &AtomicUsize) -> bool {
        // SAFETY: reads the word.
        unsafe {
            asm!(
                "cmp {value}, qword ptr [{word}]",
                "jae {no}",
                value = in(reg) value,
                word = in(reg) word,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// Whether a word says anything but 0.
    #[inline(always)]
    pub fn is_set(word: &AtomicUsize) -> bool {
        // SAFETY: reads the word.
        unsafe {
            asm!(
                "cmp qword ptr [{word}], 0",
                "je {no}",
                word = in(reg) word,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// Whether a value is below the word that stands `words` words and `OFFSET` bytes behind `base`.
    ///
    /// # Safety
    /// An `AtomicUsize` stands there.
    #[inline(always)]
    pub unsafe fn is_below_at<const OFFSET: usize, T>(value: usize, base: &T, words: usize) -> bool {
        // SAFETY: reads the word, the caller's promise.
        unsafe {
            asm!(
                "cmp {value}, qword ptr [{base} + 8 * {words} + {offset}]",
                "jae {no}",
                value = in(reg) value,
                base = in(reg) base,
                words = in(reg) words,
                offset = const OFFSET,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// What the entry `index` of a table says that stands `OFFSET` bytes behind `base`.
    ///
    /// # Safety
    /// An `AtomicU16` stands there.
    #[inline(always)]
    pub unsafe fn entry_at<const OFFSET: usize, T>(base: &T, index: usize) -> usize {
        let entry: usize;
        // SAFETY: reads the entry, the caller's promise.
        unsafe {
            asm!(
                "movzx {entry:e}, word ptr [{base} + {bytes} * {index} + {offset}]",
                entry = lateout(reg) entry,
                base = in(reg) base,
                bytes = const size_of::<AtomicU16>(),
                index = in(reg) index,
                offset = const OFFSET,
                options(nostack, preserves_flags, readonly),
            );
        }
        entry
    }
}

/// The same elsewhere.
#[cfg(not(all(target_arch = "x86_64", not(any(test, miri, tsan)))))]
mod reads {
    use super::{AtomicU16, AtomicUsize};
    use core::sync::atomic::Ordering::Relaxed;

    /// As above.
    #[inline(always)]
    pub fn is_below(value: usize, word: &AtomicUsize) -> bool {
        value < word.load(Relaxed)
    }

    /// As above.
    #[inline(always)]
    pub fn is_set(word: &AtomicUsize) -> bool {
        word.load(Relaxed) != 0
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub unsafe fn is_below_at<const OFFSET: usize, T>(value: usize, base: &T, words: usize) -> bool {
        let word = core::ptr::from_ref(base).cast::<AtomicUsize>().wrapping_byte_add(OFFSET).wrapping_add(words);
        // SAFETY: the caller's promise.
        is_below(value, unsafe { &*word })
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub unsafe fn entry_at<const OFFSET: usize, T>(base: &T, index: usize) -> usize {
        let entry = core::ptr::from_ref(base).cast::<AtomicU16>().wrapping_byte_add(OFFSET).wrapping_add(index);
        // SAFETY: the caller's promise.
        unsafe { &*entry }.load(Relaxed).into()
    }
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
