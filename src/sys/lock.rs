//! A futex lock that knows its owner, under `lock_api`.
//!
//! The word is the owner's thread number times two, plus one if somebody sleeps. Owner and lock are one word, so a
//! signal handler that interrupts its own thread anywhere, even between two instructions of `lock`, can tell
//! whether that thread holds the lock. `parking_lot`'s own locks cannot serve inside an allocator: parking allocates.
//!
//! In debug builds locks have ranks, and a thread that takes one of a rank not above those it holds panics.

#![allow(unsafe_code)]

use super::{linux, thread};
use core::sync::atomic::{AtomicU32, Ordering};

/// The lock. See the module.
pub struct FutexLock {
    word: AtomicU32,
    rank: AtomicU32,
}

const SLEEPERS: u32 = 1;
const SPINS: u32 = 100;

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

    /// In a forked child, where there is one thread and nobody sleeps: what it holds as `old` it holds as `new`.
    pub fn adopt(&self, old: u32, new: u32) {
        if self.word.load(Ordering::Relaxed) >> 1 == old {
            self.word.store(new << 1, Ordering::Relaxed);
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
                futex(&self.word, libc::FUTEX_WAIT, word | SLEEPERS);
            }
        }
    }
}

fn futex(word: &AtomicU32, operation: libc::c_int, value: u32) {
    linux::keeping_errno(|| {
        // SAFETY: the word outlives the call; a private futex only sleeps or wakes.
        unsafe {
            let operation = linux::int(operation | libc::FUTEX_PRIVATE_FLAG);
            linux::call(libc::SYS_futex, [word.as_ptr().expose_provenance(), operation, value as usize, 0]);
        }
    });
}

// SAFETY: only the thread whose number is in the word is inside, and the word leaves zero by compare-exchange alone.
unsafe impl lock_api::RawMutex for FutexLock {
    const INIT: Self = Self { word: AtomicU32::new(0), rank: AtomicU32::new(0) };

    // Not Send: the owner is a thread number, and only that thread may unlock.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        let mine = thread::number() << 1;
        rank::check(self.rank.load(Ordering::Relaxed));
        if self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_slow(mine);
        }
        rank::taken(self.rank.load(Ordering::Relaxed));
    }

    fn try_lock(&self) -> bool {
        let mine = thread::number() << 1;
        let taken = self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            rank::taken(self.rank.load(Ordering::Relaxed));
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        rank::dropped(self.rank.load(Ordering::Relaxed));
        if self.word.swap(0, Ordering::Release) & SLEEPERS != 0 {
            futex(&self.word, libc::FUTEX_WAKE, 1);
        }
    }
}

/// Which ranks this thread holds, in test builds; nothing in all others.
#[cfg(all(test, debug_assertions))]
mod rank {
    use core::cell::Cell;
    std::thread_local! {
        static HELD: Cell<u64> = const { Cell::new(0) };
    }

    pub fn check(rank: u32) {
        let held = HELD.get();
        assert!(rank == 0 || held >> rank == 0, "lock rank {rank} taken while holding ranks {held:#b}");
    }

    pub fn taken(rank: u32) {
        HELD.set(HELD.get() | if rank == 0 { 0 } else { 1 << rank });
    }

    pub fn dropped(rank: u32) {
        HELD.set(HELD.get() & !if rank == 0 { 0 } else { 1 << rank });
    }
}

#[cfg(not(all(test, debug_assertions)))]
mod rank {
    pub fn check(_: u32) {}
    pub fn taken(_: u32) {}
    pub fn dropped(_: u32) {}
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
