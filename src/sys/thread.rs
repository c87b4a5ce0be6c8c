//! Thread-local storage: two words, sixteen bytes, all the library ever takes.
//!
//! The *cache pointer* leads to the thread's cache, or, where it has none, to three words that look like one that can serve
//! nothing, and behind them a window of the page map that shows nothing: no null test. The
//! *thread word* holds the rest:
//!
//!      63     48     41       40       32            0
//!     +--------+------+--------+--------+------------+
//!     | gone   | rank | inside | home+1 | number     |
//!     +--------+------+--------+--------+------------+
//!
//! Both with the initial-exec model: reading one is an instruction or two, it needs no call (`__tls_get_addr` may
//! call malloc), and sixteen bytes fit in the static surplus that `dlopen` leaves. The thread word starts as zero, which needs no
//! set-up: a thread asks for its number when it first needs one. It is the kernel's thread id, unlike that of any other
//! living thread, so it names the owner of a lock; a forked child asks again, once its locks are in order.

#![allow(unsafe_code)]

const NUMBER_MASK: u64 = 0x3fff_ffff;
const HOME_SHIFT: u32 = 32;
const HOME_MASK: u64 = 0x7f << HOME_SHIFT;
const INSIDE: u64 = 1 << 40;
const RANK_SHIFT: u32 = 41;
const RANK_MASK: u64 = 0x7f << RANK_SHIFT;
const GONE: u64 = 1 << 48;

#[cfg(all(target_arch = "x86_64", not(any(test, miri))))]
mod word {
    core::arch::global_asm!(
        ".pushsection .tbss.metes_thread_word,\"awT\",@nobits",
        ".p2align 3",
        ".hidden metes_thread_word",
        ".globl metes_thread_word",
        ".type metes_thread_word,@object",
        ".size metes_thread_word,8",
        "metes_thread_word:",
        ".zero 8",
        ".popsection",
        ".pushsection .tdata.metes_thread_cache,\"awT\",@progbits",
        ".p2align 3",
        ".hidden metes_thread_cache",
        ".globl metes_thread_cache",
        ".type metes_thread_cache,@object",
        ".size metes_thread_cache,8",
        "metes_thread_cache:",
        ".quad metes_no_cache",
        ".popsection",
        ".pushsection .data.rel.ro.metes_no_cache,\"aw\",@progbits",
        ".p2align 4",
        ".hidden metes_no_cache",
        ".globl metes_no_cache",
        ".type metes_no_cache,@object",
        ".size metes_no_cache,40",
        "metes_no_cache:",
        ".quad 0, 0, metes_no_cache + 24",
        ".quad 0, 0",
        ".popsection",
    );

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
    core::arch::global_asm!(
        ".pushsection .tbss.metes_thread_word,\"awT\",@nobits",
        ".p2align 3",
        ".hidden metes_thread_word",
        ".globl metes_thread_word",
        ".type metes_thread_word,%object",
        ".size metes_thread_word,8",
        "metes_thread_word:",
        ".zero 8",
        ".popsection",
        ".pushsection .tdata.metes_thread_cache,\"awT\",@progbits",
        ".p2align 3",
        ".hidden metes_thread_cache",
        ".globl metes_thread_cache",
        ".type metes_thread_cache,%object",
        ".size metes_thread_cache,8",
        "metes_thread_cache:",
        ".xword metes_no_cache",
        ".popsection",
        ".pushsection .data.rel.ro.metes_no_cache,\"aw\",@progbits",
        ".p2align 4",
        ".hidden metes_no_cache",
        ".globl metes_no_cache",
        ".type metes_no_cache,%object",
        ".size metes_no_cache,40",
        "metes_no_cache:",
        ".xword 0, 0, metes_no_cache + 24",
        ".xword 0, 0",
        ".popsection",
    );

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

/// This thread's number: not zero, below 2^30, unlike that of any other living thread of the process.
#[inline]
pub fn number() -> u32 {
    match (word::get() & NUMBER_MASK) as u32 {
        0 => renumber(),
        number => number,
    }
}

/// Takes the kernel's thread id as this thread's number, and returns it.
#[cold]
#[inline(never)]
pub fn renumber() -> u32 {
    let number = super::linux::thread_id();
    word::set((word::get() & !NUMBER_MASK) | u64::from(number));
    number
}

/// The index of this thread's home arena, if it has one yet.
#[inline]
pub fn home() -> Option<usize> {
    ((word::get() & HOME_MASK) >> HOME_SHIFT).checked_sub(1).and_then(|home| usize::try_from(home).ok())
}

/// Makes arena `index` (below 127) this thread's home.
pub fn set_home(index: usize) {
    debug_assert!(index < 127);
    word::set((word::get() & !HOME_MASK) | ((index as u64 + 1) << HOME_SHIFT));
}

/// The address of this thread's cache, or `no_cache()`.
#[inline(always)]
pub fn cache() -> usize {
    word::cache()
}

/// Sets the address of this thread's cache.
pub fn set_cache(address: usize) {
    word::set_cache(address);
}

/// The address of what a thread has in the place of a cache.
#[inline]
pub fn no_cache() -> usize {
    word::no_cache()
}

/// Whether this thread had a cache that was taken apart, because the thread is ending.
pub fn is_gone() -> bool {
    word::get() & GONE != 0
}

/// Says that this thread is ending.
pub fn set_gone() {
    word::set(word::get() | GONE);
}

/// Whether this thread is inside an operation.
pub fn is_inside() -> bool {
    word::get() & INSIDE != 0
}

/// The highest rank of the locks this thread holds; kept in debug builds only.
pub fn rank() -> u32 {
    ((word::get() & RANK_MASK) >> RANK_SHIFT) as u32
}

/// Sets the highest rank held (below 128).
pub fn set_rank(rank: u32) {
    debug_assert!(rank < 128);
    word::set((word::get() & !RANK_MASK) | (u64::from(rank) << RANK_SHIFT));
}

/// Says whether this thread is inside an operation from here on, and returns whether it was. A signal handler that finds
/// the thread inside must not wait for any lock.
#[inline]
pub fn set_inside(yes: bool) -> bool {
    let old = word::get();
    word::set(if yes { old | INSIDE } else { old & !INSIDE });
    old & INSIDE != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_and_stay() {
        let mine = number();
        assert_ne!(mine, 0);
        assert_eq!(number(), mine);
        let other = std::thread::spawn(number).join().unwrap();
        assert_ne!(other, mine);
    }

    #[test]
    fn home_is_kept_beside_the_number() {
        std::thread::spawn(|| {
            assert_eq!(home(), None);
            let mine = number();
            set_home(3);
            assert_eq!((home(), number()), (Some(3), mine));
            set_home(0);
            assert_eq!(home(), Some(0));
        })
        .join()
        .unwrap();
    }
}
