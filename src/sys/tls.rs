//! Two words of thread-local storage, initial-exec, defined and read in assembly: x86_64, aarch64, a C shim elsewhere. What they
//! mean is `thread`'s.

#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
pub use word::depths;
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
    /// A reader and a writer of a word of this thread's.
    macro_rules! word {
        ($get:ident, $set:ident, $type:ty, $symbol:literal) => {
            #[inline(always)]
            pub fn $get() -> $type {
                let value: $type;
                // SAFETY: reads this thread's own word through its offset from the thread pointer.
                unsafe {
                    core::arch::asm!(
                        concat!("mov {value}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                        "mov {value}, qword ptr fs:[{value}]",
                        value = out(reg) value,
                        options(nostack, preserves_flags, readonly),
                    );
                }
                value
            }

            #[inline(always)]
            pub fn $set(value: $type) {
                // SAFETY: writes this thread's own word.
                unsafe {
                    core::arch::asm!(
                        concat!("mov {offset}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                        "mov qword ptr fs:[{offset}], {value}",
                        offset = out(reg) _,
                        value = in(reg) value,
                        options(nostack, preserves_flags),
                    );
                }
            }
        };
    }

    word!(get, set, u64, "metes_thread_word");
    word!(cache, set_cache, usize, "metes_thread_cache");

    /// How far below the thread pointer the words are.
    #[cfg(not(tsan))]
    pub fn depths() -> [usize; 2] {
        let (get, cache): (usize, usize);
        // SAFETY: reads two constants of the loader's.
        unsafe {
            core::arch::asm!(
                "mov {get}, qword ptr [rip + metes_thread_word@GOTTPOFF]",
                "mov {cache}, qword ptr [rip + metes_thread_cache@GOTTPOFF]",
                get = out(reg) get,
                cache = out(reg) cache,
                options(nostack, preserves_flags, readonly),
            );
        }
        [get.wrapping_neg(), cache.wrapping_neg()]
    }

    #[inline(always)]
    pub fn no_cache() -> usize {
        let value: usize;
        // SAFETY: computes an address.
        unsafe {
            core::arch::asm!(
                "lea {value}, [rip + metes_no_cache]",
                value = out(reg) value,
                options(nostack, preserves_flags, pure, nomem),
            );
        }
        value
    }
}

#[cfg(all(target_arch = "aarch64", not(any(test, miri))))]
mod word {
    /// A reader and a writer of a word of this thread's.
    macro_rules! word {
        ($get:ident, $set:ident, $place:ident, $type:ty, $symbol:literal) => {
            #[inline(always)]
            fn $place() -> *mut $type {
                let place: *mut $type;
                // SAFETY: computes the address of this thread's own word.
                unsafe {
                    core::arch::asm!(
                        "mrs {place}, tpidr_el0",
                        concat!("adrp {offset}, :gottprel:", $symbol),
                        concat!("ldr {offset}, [{offset}, :gottprel_lo12:", $symbol, "]"),
                        "add {place}, {place}, {offset}",
                        place = out(reg) place,
                        offset = out(reg) _,
                        options(nostack, preserves_flags, readonly),
                    );
                }
                place
            }

            #[inline(always)]
            pub fn $get() -> $type {
                // SAFETY: this thread's own word.
                unsafe { $place().read() }
            }

            #[inline(always)]
            pub fn $set(value: $type) {
                // SAFETY: this thread's own word.
                unsafe { $place().write(value) };
            }
        };
    }

    word!(get, set, word_place, u64, "metes_thread_word");
    word!(cache, set_cache, cache_place, usize, "metes_thread_cache");

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
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[cfg(not(feature = "models"))]
    std::thread_local! {
        static WORD: Cell<u64> = const { Cell::new(0) };
        static CACHE: Cell<usize> = const { Cell::new(0) };
    }

    // The threads of a model are one to the kernel: they have numbers of their own from the start.
    #[cfg(feature = "models")]
    loom::thread_local! {
        static WORD: Cell<u64> = Cell::new(NUMBERS.fetch_add(1, Relaxed) as u64);
        static CACHE: Cell<usize> = Cell::new(0);
    }

    #[cfg(feature = "models")]
    static NUMBERS: AtomicUsize = AtomicUsize::new(1);

    /// As a cache is aligned.
    #[repr(align(64))]
    struct NoCache([AtomicUsize; 5]);

    static NO_CACHE: NoCache = NoCache([const { AtomicUsize::new(0) }; 5]);

    pub fn cache() -> usize {
        match CACHE.with(Cell::get) {
            0 => no_cache(),
            cache => cache,
        }
    }

    pub fn set_cache(value: usize) {
        CACHE.with(|cache| cache.set(value));
    }

    pub fn no_cache() -> usize {
        let window = (&raw const NO_CACHE.0[3]).expose_provenance();
        NO_CACHE.0[2].store(window, Relaxed);
        (&raw const NO_CACHE).expose_provenance()
    }

    pub fn get() -> u64 {
        WORD.with(Cell::get)
    }

    pub fn set(value: u64) {
        WORD.with(|word| word.set(value));
    }
}
