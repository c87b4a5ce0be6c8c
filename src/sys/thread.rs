//! Thread-local storage: two words, sixteen bytes, all the library ever takes.
//!
//! The *cache pointer* leads to the thread's cache, or, where it has none, to three words that look like one that can serve
//! nothing, and behind them a window of the page map that shows nothing: no null test. The
//! *thread word* holds the rest:
//!
//!      63          49     48     41       40       32            0
//!     +-------------+------+------+--------+--------+------------+
//!     | unasked     | gone | rank | inside | home+1 | number     |
//!     +-------------+------+------+--------+--------+------------+
//!
//! Both with the initial-exec model: reading one is an instruction or two, it needs no call (`__tls_get_addr` may
//! call malloc), and sixteen bytes fit in the static surplus that `dlopen` leaves. The thread word starts as zero, which needs no
//! set-up: a thread asks for its number when it first needs one. It is the kernel's thread id, unlike that of any other
//! living thread, so it names the owner of a lock; a forked child asks again, once its locks are in order.

const NUMBER_MASK: u64 = 0x3fff_ffff;
const HOME_SHIFT: u32 = 32;
const HOME_MASK: u64 = 0x7f << HOME_SHIFT;
const INSIDE: u64 = 1 << 40;
const RANK_SHIFT: u32 = 41;
const RANK_MASK: u64 = 0x7f << RANK_SHIFT;
const GONE: u64 = 1 << 48;
const UNASKED: u64 = 1 << 49;

use super::tls as word;

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
    loop {
        let number = super::linux::thread_id();
        word::set((word::get() & !NUMBER_MASK) | u64::from(number));
        // A signal handler may have forked between the two.
        if super::linux::thread_id() == number {
            return number;
        }
    }
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

/// Whether this thread's requests fail without asking the program's handler.
pub fn is_unasked() -> bool {
    word::get() & UNASKED != 0
}

/// Says whether this thread's requests fail without asking the program's handler from here on, and returns whether they did.
#[inline]
pub fn set_unasked(yes: bool) -> bool {
    let old = word::get();
    word::set(if yes { old | UNASKED } else { old & !UNASKED });
    old & UNASKED != 0
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
