//! A futex lock that a fork can freeze, under `lock_api`.
//!
//! The word is 0, or the address of its owner's thread block, or a count of forks; the low bits are flags:
//!
//! ```text
//!     free     0
//!     taken    | address of the owner's block     | 0 | sleepers |
//!     frozen   | forks under way, in steps of 8   | 1 | sleepers |
//! ```
//!
//! Owner and lock are one word, so a fork in a signal handler can tell, between any two instructions of `lock`, whether its own thread
//! holds the lock. The owner is named by its block's address, as that is the same in a forked child, where it has another number.
//! `parking_lot`'s own locks cannot serve inside an allocator: parking allocates.
//!
//! A fork freezes the lock: from then on until it thaws nobody takes it, and what it guards is whole. Nobody has to wait for
//! that either: `lock_unless_frozen` says no. A thread that waited here for a fork could hold what the fork itself waits for,
//! such as another library's lock that is taken in a handler of `pthread_atfork`, or the libc's list of open files. Several forks freeze a lock
//! together, for the same reason.
//!
//! Locks have ranks and are released in the reverse order; in debug builds a thread that waits for one of a rank not
//! above what it holds panics.

#![allow(unsafe_code)]

use super::{futex, thread};
use crate::base::shared::{AtomicU32, AtomicU64};
use core::sync::atomic::Ordering;

/// The lock. See the module.
pub struct FutexLock {
    word: AtomicU64,
    rank: AtomicU32,
    /// The rank its owner held before.
    outer: AtomicU32,
    /// How often somebody had to wait. Guarded by the lock.
    waits: AtomicU64,
    /// Forks under way that left the lock to its owner.
    skipped: AtomicU32,
}

const SLEEPERS: u64 = 1;
const FROZEN: u64 = 2;
/// One fork.
const FORK: u64 = 8;
/// Frozen for good: no thaw counts that down.
const ABANDONED: u64 = FROZEN | 1 << 63;
/// Milliseconds that a fork in a signal handler that has interrupted an operation waits for an owner, and anybody for one who may be gone.
const PATIENCE: u32 = if cfg!(feature = "models") { 2 } else { 100 };
const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 100 };

/// For whom `lock` waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its owner, or a fork.
    ForThaw,
    /// Its owner.
    ForOwner,
    /// Its owner, for a bounded time.
    ALittle,
}

impl FutexLock {
    /// Gives the lock its rank: locks are taken in rising order, and rank 0 is not checked.
    pub fn set_rank(&self, rank: u32) {
        self.rank.store(rank, Ordering::Relaxed);
    }

    /// How often somebody had to wait for the lock.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Takes the lock, waiting for its owner. False, and it is not taken, if it is frozen.
    #[inline]
    pub fn lock_unless_frozen(&self) -> bool {
        self.lock_or(Wait::ForOwner)
    }

    /// The same, waiting for a bounded time: a fork may have left the owner behind.
    pub fn lock_soon(&self) -> bool {
        self.lock_or(Wait::ALittle)
    }

    /// Before fork: waits for the lock's owner, and keeps all threads out until `thaw`. Does nothing if the calling thread is the owner, which a signal
    /// handler has interrupted. A handler that has `interrupted` an operation waits for a bounded time only, as the owner may be in such
    /// a handler too, and fork there; then the lock stays its owner's.
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
            // It, or what it has interrupted, may have been woken in the place of others, who need not wait now.
            futex::wake_all(&self.word);
        }
    }

    /// After fork, in the parent: lets threads in, unless another fork is under way.
    pub fn thaw(&self) {
        // Whichever of several forks it was that could not wait: all of them come here.
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

    /// In a forked child, which has no other threads: lets threads in, whatever other forks were under way. Keeps everybody out for good if it was not
    /// frozen and its owner was left behind. Whether that is so.
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
            // Another library's handler may have made threads already.
            futex::wake_all(&self.word);
        }
        is_left_behind
    }

    /// Waits while the lock is frozen, for a second at most. Only for who can do nothing else: see the module.
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

    /// In debug builds: the lock may not wait below a rank its thread holds already.
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
                    // It was woken to see to it that the next one is.
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
            // Others may be asleep still.
            let mine = if slept { mine | SLEEPERS } else { mine };
            if self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
    }

    /// Waits while the lock is taken or frozen, as `word` says: spins at first, then sleeps, for a millisecond at most if that is to be `brief`. Whether
    /// it slept, or was about to.
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

/// Takes something from a number, if that can be; whether it could.
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

// SAFETY: only the thread whose block is in the word is inside, and the word leaves zero by compare-exchange alone.
unsafe impl lock_api::RawMutex for FutexLock {
    const INIT: Self = Self {
        word: AtomicU64::new(0),
        rank: AtomicU32::new(0),
        outer: AtomicU32::new(0),
        waits: AtomicU64::new(0),
        skipped: AtomicU32::new(0),
    };

    // Not Send: the owner is a thread, and only that one may unlock.
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
