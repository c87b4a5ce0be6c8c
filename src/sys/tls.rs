//! Two words of thread-local storage with the initial-exec model. Assembly defines and reads them on x86_64
//! and aarch64, a C shim elsewhere. `thread` says what they mean. The thread word is read as a whole and
//! written a field at a time. So a store to one field cannot undo a signal handler's store to another.

#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
pub use word::depths;
pub use word::{address, cache, get, no_cache, set_byte, set_cache, set_number};

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
    // A blind head: see `blind`.
    ".p2align 6",
    ".quad 0, 0",
    ".hidden metes_no_cache",
    ".globl metes_no_cache",
    ".type metes_no_cache,%object",
    ".size metes_no_cache,56",
    "metes_no_cache:",
    ".quad 0, 0, metes_no_cache + 24",
    ".quad 0, 0",
    ".quad 0, 0",
    ".zero 56",
    ".popsection",
);

#[cfg(all(target_arch = "x86_64", not(any(test, miri))))]
mod word {
    /// Defines a reader of one of this thread's words.
    macro_rules! reader {
        ($get:ident, $type:ty, $symbol:literal) => {
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
        };
    }

    /// Defines a writer of one of this thread's words, or of a field of it.
    macro_rules! writer {
        ($set:ident $([$at:ident])?, $type:ty, $register:ident, $store:literal, $modifier:literal, $offset:literal,
         $symbol:literal) => {
            #[inline(always)]
            pub fn $set$(<const $at: usize>)?(value: $type) {
                // SAFETY: writes this thread's own word.
                unsafe {
                    core::arch::asm!(
                        concat!("mov {offset}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                        concat!("mov ", $store, " ptr fs:[{offset} + ", $offset, "], {value", $modifier, "}"),
                        offset = out(reg) _,
                        value = in($register) value,
                        $(at = const $at,)?
                        options(nostack, preserves_flags),
                    );
                }
            }
        };
    }

    reader!(get, u64, "metes_thread_word");
    reader!(cache, usize, "metes_thread_cache");
    writer!(set_number, u32, reg, "dword", ":e", "0", "metes_thread_word");
    writer!(set_byte[AT], u8, reg_byte, "byte", "", "{at}", "metes_thread_word");
    writer!(set_cache, usize, reg, "qword", "", "0", "metes_thread_cache");

    /// The address of the thread word.
    #[inline(always)]
    pub fn address() -> usize {
        let value: usize;
        // SAFETY: computes an address. The first word of a thread's block is the block's own address.
        unsafe {
            core::arch::asm!(
                "mov {value}, qword ptr fs:[0]",
                "add {value}, qword ptr [rip + metes_thread_word@GOTTPOFF]",
                value = out(reg) value,
                options(nostack, readonly),
            );
        }
        value
    }

    /// How far below the thread pointer the words are.
    #[cfg(not(tsan))]
    pub fn depths() -> [usize; 2] {
        let (get, cache): (usize, usize);
        // SAFETY: reads two constants that the loader has written.
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
    /// Defines a function with the address of one of this thread's words.
    macro_rules! place {
        ($place:ident, $type:ty, $symbol:literal) => {
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
        };
    }

    place!(word, u64, "metes_thread_word");
    place!(cache_place, usize, "metes_thread_cache");

    #[inline(always)]
    pub fn address() -> usize {
        word().addr()
    }

    #[inline(always)]
    pub fn get() -> u64 {
        // SAFETY: this thread's own word.
        unsafe { word().read_volatile() }
    }

    #[inline(always)]
    pub fn set_number(value: u32) {
        // SAFETY: this thread's own word, whose first field is the number.
        unsafe { word().cast::<u32>().write_volatile(value) };
    }

    #[inline(always)]
    pub fn set_byte<const AT: usize>(value: u8) {
        // SAFETY: this thread's own word, which has eight bytes.
        unsafe { word().cast::<u8>().add(AT).write_volatile(value) };
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

    pub fn address() -> usize {
        metes_thread_word_address().addr()
    }

    pub fn get() -> u64 {
        // SAFETY: this thread's own word.
        unsafe { metes_thread_word_address().read_volatile() }
    }

    pub fn set_number(value: u32) {
        // SAFETY: this thread's own word, of which this is the low half.
        unsafe {
            metes_thread_word_address()
                .cast::<u32>()
                .add(usize::from(cfg!(target_endian = "big")))
                .write_volatile(value);
        }
    }

    pub fn set_byte<const AT: usize>(value: u8) {
        let at = if cfg!(target_endian = "big") { 7 - AT } else { AT };
        // SAFETY: this thread's own word, which has eight bytes.
        unsafe { metes_thread_word_address().cast::<u8>().add(at).write_volatile(value) };
    }
}

#[cfg(any(test, miri))]
mod word {
    use crate::base::pointer;
    use core::cell::Cell;
    use core::sync::atomic::AtomicUsize;
    use core::sync::atomic::Ordering::Relaxed;

    #[cfg(not(feature = "models"))]
    std::thread_local! {
        static WORD: Cell<u64> = const { Cell::new(0) };
        static CACHE: Cell<usize> = const { Cell::new(0) };
    }

    // To the kernel the threads of a model are one. So they have numbers of their own from the start.
    #[cfg(feature = "models")]
    loom::thread_local! {
        static WORD: Cell<u64> = Cell::new(NUMBERS.fetch_add(1, Relaxed) as u64);
        static CACHE: Cell<usize> = Cell::new(0);
    }

    #[cfg(feature = "models")]
    static NUMBERS: AtomicUsize = AtomicUsize::new(1);

    /// See `blind`: the head begins at the third word.
    #[repr(align(64))]
    struct NoCache([AtomicUsize; 9]);

    static NO_CACHE: NoCache = NoCache([const { AtomicUsize::new(0) }; 9]);

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
        let near_leaf = pointer::expose(&raw const NO_CACHE.0[5]);
        NO_CACHE.0[4].store(near_leaf, Relaxed);
        pointer::expose(&raw const NO_CACHE) + 2 * size_of::<usize>()
    }

    pub fn address() -> usize {
        WORD.with(|word| core::ptr::from_ref(word).addr())
    }

    pub fn get() -> u64 {
        WORD.with(Cell::get)
    }

    pub fn set_number(value: u32) {
        WORD.with(|word| word.set(word.get() >> u32::BITS << u32::BITS | u64::from(value)));
    }

    pub fn set_byte<const AT: usize>(value: u8) {
        WORD.with(|word| word.set(word.get() & !(0xff << (8 * AT)) | u64::from(value) << (8 * AT)));
    }
}
