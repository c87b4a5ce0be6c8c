//! Single instructions of the fast paths that the compiler does not emit by itself, and portable code
//! for other targets.
//!
//! The compiler loads an atomic into a register with a separate instruction before it compares it or adds to
//! it. On x86_64 these functions use the word in memory. The language lets an `asm!` block do whatever an
//! atomic access may do. Miri, ThreadSanitizer and loom look at each access, so they get the portable form.

#![allow(unsafe_code)]

pub use machine::{
    add_one_is_zero, entry_at, is_below, is_below_at, is_below_u64_at, is_below_word, is_entry_at, is_set, with_bit,
    with_low,
};

#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
mod machine {
    use crate::base::shared::{AtomicU16, AtomicUsize};
    use core::arch::asm;

    /// Whether a value is below a word's value.
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

    /// Whether a word is not 0.
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

    /// Whether a value is below the word that lies `words` words and `OFFSET` bytes after `base`.
    ///
    /// # Safety
    /// An `AtomicUsize` is there.
    #[inline(always)]
    pub unsafe fn is_below_at<const OFFSET: usize, T>(value: usize, base: &T, words: usize) -> bool {
        // SAFETY: reads the word, which is there by the caller's promise.
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

    /// The same for the word that lies `OFFSET` bytes after `base`.
    ///
    /// # Safety
    /// An `AtomicUsize` is there.
    #[inline(always)]
    pub unsafe fn is_below_word<const OFFSET: usize, T>(value: usize, base: &T) -> bool {
        // SAFETY: reads the word, which is there by the caller's promise.
        unsafe {
            asm!(
                "cmp {value}, qword ptr [{base} + {offset}]",
                "jae {no}",
                value = in(reg) value,
                base = in(reg) base,
                offset = const OFFSET,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// The same as `is_below_at`, for words of 64 bits and a raw pointer.
    ///
    /// # Safety
    /// An `AtomicU64` is there.
    #[inline(always)]
    pub unsafe fn is_below_u64_at<const OFFSET: usize, T>(value: u64, base: *const T, words: usize) -> bool {
        // SAFETY: reads the word, which is there by the caller's promise.
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

    /// The entry `index` of the table that lies `OFFSET` bytes after `base`.
    ///
    /// # Safety
    /// An `AtomicU16` is there.
    #[inline(always)]
    pub unsafe fn entry_at<const OFFSET: usize, T>(base: &T, index: usize) -> usize {
        let entry: usize;
        // SAFETY: reads the entry, which is there by the caller's promise.
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

    /// Whether the low 16 bits of a number are the entry `index` of the table that lies `OFFSET` bytes after `base`.
    ///
    /// # Safety
    /// An `AtomicU16` is there.
    #[inline(always)]
    pub unsafe fn is_entry_at<const OFFSET: usize, T>(number: usize, base: &T, index: usize) -> bool {
        // SAFETY: reads the entry, which is there by the caller's promise.
        unsafe {
            asm!(
                "cmp {number:x}, word ptr [{base} + {bytes} * {index} + {offset}]",
                "jne {no}",
                number = in(reg) number,
                base = in(reg) base,
                bytes = const size_of::<AtomicU16>(),
                index = in(reg) index,
                offset = const OFFSET,
                no = label { return false },
                options(nostack, readonly),
            );
        }
        true
    }

    /// Adds 1 to the word that lies `OFFSET` bytes after `base`, and returns whether it becomes 0. Only
    /// one thread changes the word.
    ///
    /// # Safety
    /// An `AtomicU64` is there.
    #[inline(always)]
    pub unsafe fn add_one_is_zero<const OFFSET: usize, T>(base: &T) -> bool {
        // SAFETY: adds to the word, which is there by the caller's promise.
        unsafe {
            asm!(
                "add qword ptr [{base} + {offset}], 1",
                "jz {yes}",
                base = in(reg) core::ptr::from_ref(base),
                offset = const OFFSET,
                yes = label { return true },
                options(nostack),
            );
        }
        false
    }

    /// The word with the bit `index` modulo 64 set.
    #[inline(always)]
    pub fn with_bit(mut bits: u64, index: usize) -> u64 {
        // SAFETY: works on two registers.
        unsafe {
            asm!("bts {bits}, {index}", bits = inout(reg) bits, index = in(reg) index, options(nostack, nomem, pure));
        }
        bits
    }

    /// The word with its low 16 bits replaced by those of a number.
    #[inline(always)]
    pub fn with_low(mut word: u64, number: usize) -> u64 {
        // SAFETY: works on two registers.
        unsafe {
            asm!("mov {0:x}, {1:x}", inout(reg) word, in(reg) number, options(nostack, nomem, pure, preserves_flags));
        }
        word
    }
}

#[cfg(not(all(target_arch = "x86_64", not(any(test, miri, tsan)))))]
mod machine {
    use crate::base::shared::{AtomicU16, AtomicU64, AtomicUsize};
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
    pub unsafe fn is_below_u64_at<const OFFSET: usize, T>(value: u64, base: *const T, words: usize) -> bool {
        let word = base.cast::<AtomicU64>().wrapping_byte_add(OFFSET).wrapping_add(words);
        // SAFETY: the caller's promise.
        value < unsafe { &*word }.load(Relaxed)
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

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub unsafe fn is_below_word<const OFFSET: usize, T>(value: usize, base: &T) -> bool {
        // SAFETY: the caller's promise.
        unsafe { is_below_at::<OFFSET, T>(value, base, 0) }
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub unsafe fn is_entry_at<const OFFSET: usize, T>(number: usize, base: &T, index: usize) -> bool {
        // SAFETY: the caller's promise.
        number & 0xffff == unsafe { entry_at::<OFFSET, T>(base, index) }
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[inline(always)]
    pub unsafe fn add_one_is_zero<const OFFSET: usize, T>(base: &T) -> bool {
        let word = core::ptr::from_ref(base).cast::<AtomicU64>().wrapping_byte_add(OFFSET);
        // SAFETY: the caller's promise.
        let word = unsafe { &*word };
        let sum = word.load(Relaxed).wrapping_add(1);
        word.store(sum, Relaxed);
        sum == 0
    }

    /// As above.
    pub fn with_bit(bits: u64, index: usize) -> u64 {
        bits | 1 << (index % 64)
    }

    /// As above.
    pub fn with_low(word: u64, number: usize) -> u64 {
        word >> u16::BITS << u16::BITS | (number & 0xffff) as u64
    }
}
