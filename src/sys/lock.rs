//! A futex lock that a fork can freeze, for `lock_api`.
//!
//! The word is 0, the address of its owner's thread block, or a count of forks. The low bits are flags:
//!
//! ```text
//!     free     0
//!     taken    | address of the owner's block     | 0 | sleepers |
//!     frozen   | forks under way, in steps of 8   | 1 | sleepers |
//! ```
//!
//! Owner and lock are one word. So a fork in a signal handler can tell, between any two instructions of `lock`, whether
//! its own thread holds the lock. The address of its block names the owner, because it is the same in a forked child,
//! where the thread's number is another. `parking_lot`'s own locks cannot serve inside an allocator: parking allocates.
//!
//! A fork freezes the lock. Until the thaw no thread takes it, and the data that it guards is whole. No thread
//! has to wait for the thaw: `lock_unless_frozen` returns false. A thread that waited here for a fork could
//! hold what the fork itself waits for. Examples are another library's lock that a handler of `pthread_atfork`
//! takes, and the libc's list of open files. Several forks freeze a lock together, for the same reason.
//!
//! Locks have ranks and are released in the reverse order. In debug builds a thread panics if it locks,
//! other than by `try_lock`, at a rank that is not above those it holds.

#![allow(unsafe_code)]

use super::{futex, thread};
use crate::base::shared::{AtomicU32, AtomicU64};
use core::sync::atomic::Ordering;

/// The lock. See the module.
pub struct FutexLock {
    word: AtomicU64,
    rank: AtomicU32,
    /// The rank that its owner held before.
    outer: AtomicU32,
    /// How often a thread had to wait. Guarded by the lock.
    waits: AtomicU64,
    /// Forks under way that left the lock to its owner.
    skipped: AtomicU32,
}

/// The offset of the count of waits.
pub const WAITS: usize = core::mem::offset_of!(FutexLock, waits);

const SLEEPERS: u64 = 1;
const FROZEN: u64 = 2;
/// The count of one fork.
const FORK: u64 = 8;
/// Frozen for good: no thaw counts this down.
const ABANDONED: u64 = FROZEN | 1 << 63;
/// Milliseconds of the bounded waits: that of a fork in a signal handler that interrupted an operation,
/// and that of `lock_soon`, because the owner may be gone.
const PATIENCE: u32 = if cfg!(feature = "models") { 2 } else { 100 };
const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 100 };

/// What `lock_or` waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The owner, or a fork.
    ForThaw,
    /// The owner.
    ForOwner,
    /// The owner, for a bounded time.
    ALittle,
}

impl FutexLock {
    /// Sets the rank of the lock. Locks are taken in rising order, and rank 0 is not checked.
    pub fn set_rank(&self, rank: u32) {
        self.rank.store(rank, Ordering::Relaxed);
    }

    /// Whether the calling thread has it.
    pub fn is_mine(&self) -> bool {
        self.word.load(Ordering::Relaxed) & !SLEEPERS == thread::block()
    }

    /// How often a thread had to wait for the lock.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Takes the lock, and waits for its owner. If the lock is frozen, returns false and does not take it.
    #[inline]
    pub fn lock_unless_frozen(&self) -> bool {
        self.lock_or(Wait::ForOwner)
    }

    /// The same, but waits for a bounded time: a fork may have left the owner behind.
    pub fn lock_soon(&self) -> bool {
        self.lock_or(Wait::ALittle)
    }

    /// Before fork: waits for the lock's owner, and keeps all threads out until `thaw`. If the calling
    /// thread is the owner, which a signal handler has interrupted, the lock stays its own. A handler
    /// that has `interrupted` an operation waits only for a bounded time, because the owner may be in
    /// such a handler too, and fork there. After that time the lock stays its owner's.
    pub fn freeze(&self, interrupted: bool) {
        let mine = thread::block();
        let (mut spins, mut slept, mut left) = (0, interrupted, PATIENCE);
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & !SLEEPERS == mine {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let next = match word {
                0 => FROZEN + FORK,
                ABANDONED => return,
                _ if word & FROZEN != 0 => word + FORK,
                _ if interrupted => {
                    let Some(rest) = left.checked_sub(self.wait_for_change(word, &mut spins, true).into()) else {
                        self.skipped.fetch_add(1, Ordering::Relaxed);
                        return;
                    };
                    left = rest;
                    continue;
                }
                _ => {
                    slept |= self.wait_for_change(word, &mut spins, false);
                    continue;
                }
            };
            if self.word.compare_exchange(word, next, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                break;
            }
        }
        if slept {
            // A wakeup meant for other threads may have gone to this thread, or to the operation that
            // it interrupted. The others need not wait now.
            futex::wake_all(&self.word);
        }
    }

    /// After fork, in the parent: lets threads in, unless another fork is under way.
    pub fn thaw(&self) {
        // It does not matter which of several forks could not wait: all of them come here.
        let less = |skipped: u32| skipped.checked_sub(1);
        if self.skipped.load(Ordering::Relaxed) != 0 && update(&self.skipped, less) {
            return;
        }
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & FROZEN == 0 || word == ABANDONED {
                return;
            }
            let next = if word & !SLEEPERS == FROZEN + FORK { 0 } else { word - FORK };
            if self.word.compare_exchange(word, next, Ordering::Release, Ordering::Relaxed).is_ok() {
                if next == 0 && word & SLEEPERS != 0 {
                    futex::wake_all(&self.word);
                }
                return;
            }
        }
    }

    /// In a forked child, which has no other threads: lets threads in, whatever other forks were under
    /// way. If the lock was not frozen and its owner was left behind, keeps all threads out for good
    /// instead. Returns whether that is so.
    pub fn thaw_in_child(&self) -> bool {
        self.skipped.store(0, Ordering::Relaxed);
        let word = self.word.load(Ordering::Relaxed);
        let is_left_behind = word & !SLEEPERS != 0 && word & !SLEEPERS != thread::block() && word & FROZEN == 0;
        let next = match word {
            _ if is_left_behind => ABANDONED,
            ABANDONED => ABANDONED,
            _ if word & FROZEN != 0 => 0,
            _ => word,
        };
        self.word.store(next, Ordering::Relaxed);
        if word & SLEEPERS != 0 {
            // A fork handler of another library may have made threads already.
            futex::wake_all(&self.word);
        }
        is_left_behind
    }

    /// Waits while the lock is frozen, for a second at most. Only for callers that can do nothing else: see the module.
    pub fn wait_for_thaw(&self) {
        const MOST: u64 = 1000;
        let word = self.word.load(Ordering::Relaxed);
        let asleep = word | SLEEPERS;
        if word & FROZEN != 0
            && word & !SLEEPERS != ABANDONED
            && self.word.compare_exchange(word, asleep, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            futex::wait_most(&self.word, asleep, MOST);
        }
    }

    /// In debug builds: panics unless the rank is 0 or above the one that the thread holds already.
    fn check_rank(&self) {
        if cfg!(debug_assertions) {
            let (rank, held) = (self.rank.load(Ordering::Relaxed), thread::rank());
            assert!(rank == 0 || rank > held, "lock rank {rank} taken while holding rank {held}");
        }
    }

    fn enter_rank(&self) {
        if cfg!(debug_assertions) {
            self.outer.store(thread::rank(), Ordering::Relaxed);
            thread::set_rank(self.rank.load(Ordering::Relaxed));
        }
    }

    fn leave_rank(&self) {
        if cfg!(debug_assertions) {
            thread::set_rank(self.outer.load(Ordering::Relaxed));
        }
    }

    #[inline]
    fn lock_or(&self, wait: Wait) -> bool {
        let mine = thread::block();
        self.check_rank();
        if self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_err() {
            if !self.lock_slow(mine, wait) {
                return false;
            }
            self.waits.store(self.waits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        self.enter_rank();
        true
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self, mine: u64, wait: Wait) -> bool {
        let (mut spins, mut slept, mut left) = (0, false, PATIENCE);
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if (word & FROZEN != 0 && wait != Wait::ForThaw) || left == 0 {
                if slept {
                    // This thread was woken, so it must wake the next one.
                    futex::wake_one(&self.word);
                }
                return false;
            }
            if word != 0 {
                let has_slept = self.wait_for_change(word, &mut spins, wait == Wait::ALittle);
                left -= u32::from(has_slept && wait == Wait::ALittle);
                slept |= has_slept;
                continue;
            }
            // Other threads may still be asleep.
            let mine = if slept { mine | SLEEPERS } else { mine };
            if self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
    }

    /// Waits while the lock is taken or frozen, as `word` says. It spins at first, then sleeps, for a
    /// millisecond at most if `brief`. Returns whether it slept or was about to.
    fn wait_for_change(&self, word: u64, spins: &mut u32, brief: bool) -> bool {
        if *spins < SPINS {
            *spins += 1;
            core::hint::spin_loop();
            return false;
        }
        let asleep = word | SLEEPERS;
        if word != asleep && self.word.compare_exchange(word, asleep, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        if brief {
            futex::wait_most(&self.word, asleep, 1);
        } else {
            futex::wait(&self.word, asleep);
        }
        true
    }
}

/// Replaces a number by the result of `less`, unless that is `None`. Returns whether it did.
fn update(number: &AtomicU32, less: impl Fn(u32) -> Option<u32>) -> bool {
    let mut old = number.load(Ordering::Relaxed);
    while let Some(new) = less(old) {
        match number.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => old = now,
        }
    }
    false
}

// SAFETY: only the thread whose block is in the word is inside, and the word leaves zero only by compare-exchange.
unsafe impl lock_api::RawMutex for FutexLock {
    const INIT: Self = Self {
        word: AtomicU64::new(0),
        rank: AtomicU32::new(0),
        outer: AtomicU32::new(0),
        waits: AtomicU64::new(0),
        skipped: AtomicU32::new(0),
    };

    // Not Send: the owner is a thread, and only that thread may unlock.
    type GuardMarker = lock_api::GuardNoSend;

    /// Waits for forks too.
    #[inline]
    fn lock(&self) {
        self.lock_or(Wait::ForThaw);
    }

    fn try_lock(&self) -> bool {
        let taken = self.word.compare_exchange(0, thread::block(), Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            self.enter_rank();
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.leave_rank();
        if self.word.swap(0, Ordering::Release) & SLEEPERS != 0 {
            futex::wake_one(&self.word);
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(feature = "models")]
mod models;
