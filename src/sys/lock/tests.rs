//! Tests of the lock.

#![allow(unsafe_code)]

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
fn frozen_locks_keep_all_out_and_nobody_waits() {
    let lock = Arc::new(FutexLock::INIT);
    let others = || {
        let other = lock.clone();
        std::thread::spawn(move || {
            let taken = other.lock_unless_frozen();
            if taken {
                // SAFETY: locked just now.
                unsafe { other.unlock() };
            }
            taken
        })
        .join()
        .unwrap()
    };
    lock.freeze(false);
    assert!(!lock.try_lock() && !lock.lock_unless_frozen() && !others());
    // Two forks at a time.
    lock.freeze(false);
    lock.thaw();
    assert!(!lock.lock_unless_frozen() && !others());
    lock.thaw();
    assert!(others());
    lock.thaw();
    assert!(others(), "a thaw too many does nothing");
    lock.freeze(false);
    lock.freeze(false);
    lock.thaw_in_child();
    assert!(others());
}

#[test]
fn a_fork_leaves_alone_what_its_own_thread_holds() {
    let lock = FutexLock::INIT;
    lock.lock();
    lock.freeze(false);
    lock.thaw();
    assert!(!lock.thaw_in_child() && !lock.try_lock());
    // SAFETY: locked above.
    unsafe { lock.unlock() };
    assert!(!lock.thaw_in_child() && lock.try_lock());
}

#[test]
fn a_lock_whose_owner_was_left_behind_is_shut_for_good() {
    let lock = Arc::new(FutexLock::INIT);
    let other = lock.clone();
    let (told, tell) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let owner = std::thread::spawn(move || {
        other.lock();
        told.send(()).unwrap();
        ended.recv().unwrap_err();
    });
    tell.recv().unwrap();
    // A handler that has interrupted an operation does not wait for the owner for ever. Nor does
    // `lock_soon` at a lock whose owner was left behind.
    lock.freeze(true);
    assert!(!lock.lock_soon() && lock.word.load(Ordering::Relaxed) & FROZEN == 0);
    lock.thaw();
    assert!(lock.thaw_in_child());
    lock.freeze(false);
    lock.thaw();
    lock.wait_for_thaw();
    assert!(!lock.try_lock() && !lock.lock_unless_frozen() && !lock.lock_soon());
    drop(end);
    owner.join().unwrap();
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
