//! A futex lock that knows its owner, under `lock_api`.
//!
//! The word is the owner's thread number times two, plus one if somebody sleeps. Owner and lock are one word, so a
//! signal handler that interrupts its own thread anywhere, even between two instructions of `lock`, can tell
//! whether that thread holds the lock. `parking_lot`'s own locks cannot serve inside an allocator: parking allocates.
//!
//! Locks have ranks and are released in the reverse order; in debug builds a thread that waits for one of a rank not
//! above what it holds panics.

#![allow(unsafe_code)]

use super::{futex, thread};
use crate::base::shared::{AtomicU32, AtomicU64};
use core::sync::atomic::Ordering;

/// The lock. See the module.
pub struct FutexLock {
    word: AtomicU32,
    rank: AtomicU32,
    /// The rank its owner held before.
    outer: AtomicU32,
    /// How often somebody had to wait. Guarded by the lock.
    waits: AtomicU64,
    /// Forks under way that found the lock in their own thread's hands.
    fork_depth: AtomicU32,
}

const SLEEPERS: u32 = 1;
const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 100 };

impl FutexLock {
    /// Gives the lock its rank: locks are taken in rising order, and rank 0 is not checked.
    pub fn set_rank(&self, rank: u32) {
        self.rank.store(rank, Ordering::Relaxed);
    }

    /// Whether the calling thread holds the lock. Safe in a signal handler.
    #[inline]
    pub fn held_by_me(&self) -> bool {
        self.word.load(Ordering::Relaxed) >> 1 == thread::number()
    }

    /// How often somebody had to wait for the lock.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Before fork: takes the lock, unless this thread holds it already.
    pub fn hold_for_fork(&self) {
        if self.held_by_me() {
            self.fork_depth.fetch_add(1, Ordering::Relaxed);
        } else {
            lock_api::RawMutex::lock(self);
        }
    }

    /// After fork, in the parent and in the child, whose one thread is the owner still.
    pub fn release_after_fork(&self) {
        let depth = self.fork_depth.load(Ordering::Relaxed);
        if depth == 0 {
            // SAFETY: taken in `hold_for_fork` by this thread.
            unsafe { lock_api::RawMutex::unlock(self) };
        } else {
            self.fork_depth.store(depth - 1, Ordering::Relaxed);
        }
    }

    /// In a forked child, where there is one thread and nobody sleeps: what it holds as `old` it holds as `new`.
    pub fn adopt(&self, old: u32, new: u32) {
        if self.word.load(Ordering::Relaxed) >> 1 == old {
            self.word.store(new << 1, Ordering::Relaxed);
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

    #[cold]
    #[inline(never)]
    fn lock_slow(&self, mine: u32) {
        for _ in 0..SPINS {
            if self.word.load(Ordering::Relaxed) == 0
                && self.word.compare_exchange_weak(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            core::hint::spin_loop();
        }
        // From here on the lock is taken with the sleepers' bit set: others may be asleep still.
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word == 0 {
                if self.word.compare_exchange(0, mine | SLEEPERS, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return;
                }
            } else if word & SLEEPERS != 0
                || self.word.compare_exchange(word, word | SLEEPERS, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                futex::wait(&self.word, word | SLEEPERS);
            }
        }
    }
}

// SAFETY: only the thread whose number is in the word is inside, and the word leaves zero by compare-exchange alone.
unsafe impl lock_api::RawMutex for FutexLock {
    const INIT: Self = Self {
        word: AtomicU32::new(0),
        rank: AtomicU32::new(0),
        outer: AtomicU32::new(0),
        waits: AtomicU64::new(0),
        fork_depth: AtomicU32::new(0),
    };

    // Not Send: the owner is a thread number, and only that thread may unlock.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        let mine = thread::number() << 1;
        self.check_rank();
        if self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_slow(mine);
            self.waits.store(self.waits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        self.enter_rank();
    }

    fn try_lock(&self) -> bool {
        let mine = thread::number() << 1;
        let taken = self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok();
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
mod tests {
    use super::*;
    use lock_api::{Mutex, RawMutex};
    use std::sync::Arc;

    #[test]
    fn counts_right_under_contention() {
        let counter = Arc::new(Mutex::<FutexLock, u64>::new(0));
        let rounds = if cfg!(miri) { 20 } else { 50_000 };
        let threads: std::vec::Vec<_> = (0..4)
            .map(|_| {
                let counter = counter.clone();
                std::thread::spawn(move || (0..rounds).for_each(|_| *counter.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*counter.lock(), 4 * rounds);
    }

    #[test]
    fn knows_its_owner() {
        let lock = Arc::new(FutexLock::INIT);
        assert!(!lock.held_by_me());
        lock.lock();
        assert!(lock.held_by_me() && !lock.try_lock());
        let other = lock.clone();
        assert!(!std::thread::spawn(move || other.held_by_me()).join().unwrap());
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        assert!(!lock.held_by_me());
    }

    #[test]
    #[cfg(debug_assertions)]
    fn falling_rank_is_refused() {
        let taken = std::thread::spawn(|| {
            let (low, high) = (FutexLock::INIT, FutexLock::INIT);
            low.set_rank(1);
            high.set_rank(2);
            high.lock();
            low.lock();
        });
        assert!(taken.join().is_err());
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::model::model;
    use crate::base::shared::Own;
    use lock_api::Mutex;
    use std::rc::Rc;
    use std::vec::Vec;

    /// A wakeup that is lost is a deadlock, which loom reports.
    fn count(threads: u32, rounds: u32) {
        let counter = Rc::new(Mutex::<FutexLock, _>::new(Own::new(0)));
        let run = move |counter: Rc<Mutex<FutexLock, Own<u32>>>| {
            for _ in 0..rounds {
                let counter = counter.lock();
                counter.set(counter.get() + 1);
            }
        };
        let others = (1..threads).map(|_| {
            let counter = counter.clone();
            loom::thread::spawn(move || run(counter))
        });
        let others: Vec<_> = others.collect();
        run(counter.clone());
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(counter.lock().get(), threads * rounds);
    }

    #[test]
    fn two_threads_are_never_inside_together_and_never_sleep_for_good() {
        model(4, || count(2, 1));
        model(3, || count(2, 2));
    }

    #[test]
    fn three_threads_are_never_inside_together_and_never_sleep_for_good() {
        model(2, || count(3, 1));
    }
}
