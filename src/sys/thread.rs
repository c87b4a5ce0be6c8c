//! Thread-local storage: two words, sixteen bytes. The library never takes more.
//!
//! The *cache pointer* leads to the thread's cache. In a thread without one it leads to three words
//! that look like a cache that can serve nothing. An empty near leaf of the page map follows them. So
//! no path tests for null. The *thread word* holds the rest. The number has four bytes and each other
//! field one, but the rank and the flags share theirs:
//!
//! ```text
//!     bit 58   56      48       40       32            0
//!     +------+--------+-------+--------+--------+--------------+
//!     | rank | flags  | forks | inside | home+1 | number       |
//!     +------+--------+-------+--------+--------+--------------+
//! ```
//!
//! Each byte is stored by itself, and so is the number. A signal handler may come between the load of
//! the word and a store. When it returns, the other bytes are as they were. Only the number differs in
//! a child that the handler forked, and that has to stay. Within a byte the handler puts back what it
//! found. One note may be lost: that it was turned away.
//!
//! Both words use the initial-exec model. Reading one takes an instruction or two and no call (`__tls_get_addr`
//! may call malloc). Sixteen bytes fit in the static surplus that `dlopen` leaves. The thread word starts as zero,
//! which needs no set-up: a thread asks for its number when it first needs one. The number is the kernel's thread
//! id, unique among the living threads. So it tells whose cache is whose, and a forked child asks again. The
//! thread's *block*, the address of the thread word, names what must not change in a fork, such as a lock's owner.

use super::{calls, tls as word};

const NUMBER_MASK: u64 = 0x3fff_ffff;
const HOME: usize = 4;
const INSIDE: usize = 5;
const FORKS: usize = 6;
const FLAGS: usize = 7;
const GONE: u8 = 1;
const UNASKED: u8 = 2;
const RANK_SHIFT: u32 = 2;
/// Flags in the byte of forks, above their count.
const REPEATING: u8 = 0x80;
const TURNED_AWAY: u8 = 0x40;
const COUNT: u8 = 0x3f;

#[inline]
fn byte(at: usize) -> u8 {
    word::get().to_le_bytes()[at]
}

/// The name of this thread as the owner of a lock. It is not zero, a multiple of 8, unique among the
/// living threads of the process, and the same in a forked child.
#[inline]
pub fn block() -> u64 {
    word::address() as u64
}

/// This thread's number: not zero, below 2^30, and unique among the living threads of the process.
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
        let number = calls::thread_id();
        word::set_number(number);
        // A signal handler may have forked between the two calls.
        if calls::thread_id() == number {
            return number;
        }
    }
}

/// The index of this thread's home arena, if it has one yet.
#[inline]
pub fn home() -> Option<usize> {
    usize::from(byte(HOME)).checked_sub(1)
}

/// Makes arena `index` (below 255) this thread's home.
pub fn set_home(index: usize) {
    debug_assert!(index < 255);
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    word::set_byte::<HOME>(index as u8 + 1);
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

/// The address to which the cache pointer of a thread without a cache leads.
#[inline]
pub fn no_cache() -> usize {
    word::no_cache()
}

/// Whether this thread's cache was taken apart, because the thread is ending.
pub fn is_exiting() -> bool {
    byte(FLAGS) & GONE != 0
}

/// Notes that this thread is ending.
pub fn set_exiting() {
    word::set_byte::<FLAGS>(byte(FLAGS) | GONE);
}

/// Whether this thread is inside an operation, or between the handlers of a fork. Then it must not wait for any lock.
pub fn is_in_operation() -> bool {
    byte(INSIDE) | byte(FORKS) & COUNT != 0
}

/// Notes whether this thread is inside an operation, and returns whether it was. A signal handler that
/// finds the thread inside must not wait for any lock.
#[inline]
pub fn set_in_operation(yes: bool) -> bool {
    let old = byte(INSIDE) != 0;
    word::set_byte::<INSIDE>(u8::from(yes));
    old
}

/// Whether this thread is between the handlers of a fork.
#[inline]
pub fn is_forking() -> bool {
    byte(FORKS) & COUNT != 0
}

/// Notes whether this thread repeats a request that failed beside a fork, and returns whether it did.
pub fn set_repeating(yes: bool) -> bool {
    set_beside_forks(REPEATING, yes)
}

/// Notes whether an arena turned this thread away, as when a fork keeps it frozen. Returns the previous note.
pub fn set_turned_away(yes: bool) -> bool {
    set_beside_forks(TURNED_AWAY, yes)
}

fn set_beside_forks(flag: u8, yes: bool) -> bool {
    let old = byte(FORKS);
    word::set_byte::<FORKS>(if yes { old | flag } else { old & !flag });
    old & flag != 0
}

/// Notes that this thread is between the handlers of one more fork. A signal handler may fork in the middle of a fork.
pub fn begin_fork() {
    word::set_byte::<FORKS>(byte(FORKS) + 1);
}

/// Notes that this thread is between the handlers of one fork less.
pub fn end_fork() {
    word::set_byte::<FORKS>(byte(FORKS) - 1);
}

/// Whether this thread's requests fail without a call to the program's handler.
pub fn is_without_oom_handler() -> bool {
    byte(FLAGS) & UNASKED != 0
}

/// Notes whether this thread's requests fail without a call to the program's handler, and returns whether they did.
#[inline]
pub fn set_without_oom_handler(yes: bool) -> bool {
    let old = byte(FLAGS);
    word::set_byte::<FLAGS>(if yes { old | UNASKED } else { old & !UNASKED });
    old & UNASKED != 0
}

/// The highest rank of the locks that this thread holds. Only debug builds keep it.
pub fn rank() -> u32 {
    u32::from(byte(FLAGS) >> RANK_SHIFT)
}

/// Sets the highest rank that this thread holds (below 64).
pub fn set_rank(rank: u32) {
    debug_assert!(rank < 64);
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    word::set_byte::<FLAGS>(byte(FLAGS) & (GONE | UNASKED) | (rank as u8) << RANK_SHIFT);
}

/// Whether the calling thread is the one that the process started with. In a forked child that is the one that forked.
pub fn is_main_thread() -> bool {
    number() == calls::process_id()
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
    fn fields_are_kept_beside_one_another() {
        std::thread::spawn(|| {
            let mine = number();
            set_home(31);
            set_rank(33);
            assert!(!set_in_operation(true) && !set_without_oom_handler(true));
            begin_fork();
            assert!(!set_repeating(true) && !set_turned_away(true));
            set_exiting();
            assert_eq!((number(), home(), rank()), (mine, Some(31), 33));
            assert!(is_in_operation() && is_without_oom_handler() && is_forking() && is_exiting());
            assert!(set_in_operation(false) && is_in_operation());
            end_fork();
            assert!(!is_in_operation() && set_repeating(false) && set_turned_away(false) && !is_in_operation());
            assert!(set_without_oom_handler(false) && !is_in_operation() && !is_forking() && is_exiting());
            assert_eq!((renumber(), home(), rank()), (mine, Some(31), 33));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn blocks_differ_and_stay() {
        let mine = block();
        assert!(mine != 0 && mine.is_multiple_of(8) && block() == mine);
        assert_ne!(std::thread::spawn(block).join().unwrap(), mine);
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
