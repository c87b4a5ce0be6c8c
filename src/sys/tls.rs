//! Two words of thread-local storage, initial-exec, defined and read in assembly: x86_64, aarch64, a C shim elsewhere. What they
//! mean is `thread`'s.

#![allow(unsafe_code)]

pub use word::{cache, get, no_cache, set, set_cache};

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(any(test, miri))))]
core::arch::global_asm!(
    ".pushsection .tbss.metes_thread_word,\"awT\",%nobits",
    ".p2align 3",
    ".hidden metes_thread_word",
    ".globl metes_thread_word",
    ".type metes_thread_word,%object",
    ".size metes_thread_word,8",
    "metes_thread_word:",
    ".zero 8",
    ".popsection",
    ".pushsection .tdata.metes_thread_cache,\"awT\",%progbits",
    ".p2align 3",
    ".hidden metes_thread_cache",
    ".globl metes_thread_cache",
    ".type metes_thread_cache,%object",
    ".size metes_thread_cache,8",
    "metes_thread_cache:",
    ".quad metes_no_cache",
    ".popsection",
    ".pushsection .data.rel.ro.metes_no_cache,\"aw\",%progbits",
    ".p2align 4",
    ".hidden metes_no_cache",
    ".globl metes_no_cache",
    ".type metes_no_cache,%object",
    ".size metes_no_cache,40",
    "metes_no_cache:",
    ".quad 0, 0, metes_no_cache + 24",
    ".quad 0, 0",
    ".popsection",
);

#[cfg(all(target_arch = "x86_64", not(any(test, miri))))]
mod word {
    #[inline(always)]
    pub fn cache() -> usize {
        let value: usize;
        // SAFETY: reads this thread's own word through its offset from the thread pointer.
        unsafe {
            core::arch::asm!(
                "mov {value}, qword ptr [rip + metes_thread_cache@GOTTPOFF]",
                "mov {value}, qword ptr fs:[{value}]",
                value = out(reg) value,
                options(nostack, preserves_flags, readonly),
            );
        }
        value
    }

    #[inline(always)]
    pub fn set_cache(value: usize) {
        // SAFETY: writes this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {offset}, qword ptr [rip + metes_thread_cache@GOTTPOFF]",
                "mov qword ptr fs:[{offset}], {value}",
                offset = out(reg) _,
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    pub fn no_cache() -> usize {
        let value: usize;
        // SAFETY: computes an address.
        unsafe {
            core::arch::asm!("lea {value}, [rip + metes_no_cache]", value = out(reg) value,
                options(nostack, preserves_flags, pure, nomem));
        }
        value
    }

    #[inline(always)]
    pub fn get() -> u64 {
        let value: u64;
        // SAFETY: reads this thread's own word through its offset from the thread pointer.
        unsafe {
            core::arch::asm!(
                "mov {value}, qword ptr [rip + metes_thread_word@GOTTPOFF]",
                "mov {value}, qword ptr fs:[{value}]",
                value = out(reg) value,
                options(nostack, preserves_flags, readonly),
            );
        }
        value
    }

    #[inline(always)]
    pub fn set(value: u64) {
        // SAFETY: writes this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {offset}, qword ptr [rip + metes_thread_word@GOTTPOFF]",
                "mov qword ptr fs:[{offset}], {value}",
                offset = out(reg) _,
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(all(target_arch = "aarch64", not(any(test, miri))))]
mod word {
    #[inline(always)]
    fn cache_place() -> *mut usize {
        let place: *mut usize;
        // SAFETY: computes the address of this thread's own word.
        unsafe {
            core::arch::asm!(
                "mrs {place}, tpidr_el0",
                "adrp {offset}, :gottprel:metes_thread_cache",
                "ldr {offset}, [{offset}, :gottprel_lo12:metes_thread_cache]",
                "add {place}, {place}, {offset}",
                place = out(reg) place,
                offset = out(reg) _,
                options(nostack, preserves_flags, readonly),
            );
        }
        place
    }

    #[inline(always)]
    pub fn cache() -> usize {
        // SAFETY: this thread's own word.
        unsafe { cache_place().read() }
    }

    #[inline(always)]
    pub fn set_cache(value: usize) {
        // SAFETY: this thread's own word.
        unsafe { cache_place().write(value) };
    }

    #[inline(always)]
    pub fn no_cache() -> usize {
        let value: usize;
        // SAFETY: computes an address.
        unsafe {
            core::arch::asm!(
                "adrp {value}, metes_no_cache",
                "add {value}, {value}, :lo12:metes_no_cache",
                value = out(reg) value,
                options(nostack, preserves_flags, pure, nomem),
            );
        }
        value
    }

    #[inline(always)]
    fn place() -> *mut u64 {
        let place: *mut u64;
        // SAFETY: computes the address of this thread's own word.
        unsafe {
            core::arch::asm!(
                "mrs {place}, tpidr_el0",
                "adrp {offset}, :gottprel:metes_thread_word",
                "ldr {offset}, [{offset}, :gottprel_lo12:metes_thread_word]",
                "add {place}, {place}, {offset}",
                place = out(reg) place,
                offset = out(reg) _,
                options(nostack, preserves_flags, readonly),
            );
        }
        place
    }

    #[inline(always)]
    pub fn get() -> u64 {
        // SAFETY: this thread's own word.
        unsafe { place().read() }
    }

    #[inline(always)]
    pub fn set(value: u64) {
        // SAFETY: this thread's own word.
        unsafe { place().write(value) };
    }
}

#[cfg(all(thread_shim, not(any(test, miri))))]
mod word {
    unsafe extern "C" {
        safe fn metes_thread_word_address() -> *mut u64;
        safe fn metes_thread_cache_address() -> *mut usize;
        safe fn metes_no_cache_address() -> usize;
    }

    pub fn cache() -> usize {
        // SAFETY: this thread's own word.
        unsafe { metes_thread_cache_address().read() }
    }

    pub fn set_cache(value: usize) {
        // SAFETY: this thread's own word.
        unsafe { metes_thread_cache_address().write(value) };
    }

    pub fn no_cache() -> usize {
        metes_no_cache_address()
    }

    pub fn get() -> u64 {
        // SAFETY: this thread's own word.
        unsafe { metes_thread_word_address().read() }
    }

    pub fn set(value: u64) {
        // SAFETY: this thread's own word.
        unsafe { metes_thread_word_address().write(value) };
    }
}

#[cfg(any(test, miri))]
mod word {
    use core::cell::Cell;
    std::thread_local! {
        static WORD: Cell<u64> = const { Cell::new(0) };
        static CACHE: Cell<usize> = const { Cell::new(0) };
    }

    static NO_CACHE: [core::sync::atomic::AtomicUsize; 5] = [const { core::sync::atomic::AtomicUsize::new(0) }; 5];

    pub fn cache() -> usize {
        match CACHE.get() {
            0 => no_cache(),
            cache => cache,
        }
    }

    pub fn set_cache(value: usize) {
        CACHE.set(value);
    }

    pub fn no_cache() -> usize {
        let window = (&raw const NO_CACHE[3]).expose_provenance();
        NO_CACHE[2].store(window, core::sync::atomic::Ordering::Relaxed);
        (&raw const NO_CACHE).expose_provenance()
    }

    pub fn get() -> u64 {
        WORD.get()
    }

    pub fn set(value: u64) {
        WORD.set(value);
    }
}
