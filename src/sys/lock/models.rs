//! Models of the lock under loom.

#![allow(unsafe_code)]

use super::*;
use crate::base::model::model;
use crate::base::shared::Unshared;
use lock_api::{Mutex, RawMutex};
use std::rc::Rc;
use std::vec::Vec;

/// Counts under the lock. A lost wakeup is a deadlock, which loom reports.
fn count(threads: u32, rounds: u32) {
    let counter = Rc::new(Mutex::<FutexLock, _>::new(Unshared::new(0)));
    let run = move |counter: Rc<Mutex<FutexLock, Unshared<u32>>>| {
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
/// A fork beside threads that work under the lock, unless it is frozen.
fn fork_beside(threads: u32) {
    let lock = Rc::new((FutexLock::INIT, Unshared::new(0)));
    let work = |lock: Rc<(FutexLock, Unshared<u32>)>| {
        if lock.0.lock_unless_frozen() {
            lock.1.set(lock.1.get() + 1);
            // SAFETY: taken just now.
            unsafe { lock.0.unlock() };
        }
    };
    let others = (0..threads).map(|_| {
        let lock = lock.clone();
        loom::thread::spawn(move || work(lock))
    });
    let others: Vec<_> = others.collect();
    lock.0.freeze(false);
    // The child sees this: no thread is at work.
    lock.1.get();
    lock.0.thaw();
    others.into_iter().for_each(|thread| thread.join().unwrap());
    work(lock.clone());
    assert!((1..=threads + 1).contains(&lock.1.get()));
}

#[test]
fn a_fork_finds_nobody_at_work_and_no_sleeper_is_left() {
    model(4, || fork_beside(1));
    model(2, || fork_beside(2));
}

#[test]
fn forks_freeze_together_and_the_last_one_thaws() {
    model(3, || {
        let lock = Rc::new((FutexLock::INIT, Unshared::new(0)));
        let fork = |lock: Rc<(FutexLock, Unshared<u32>)>| {
            lock.0.freeze(false);
            lock.1.get();
            lock.0.thaw();
        };
        let other = lock.clone();
        let other = loom::thread::spawn(move || fork(other));
        // Waits for an owner and for a fork.
        lock.0.lock();
        lock.1.set(1);
        // SAFETY: taken just now.
        unsafe { lock.0.unlock() };
        fork(lock.clone());
        other.join().unwrap();
        assert!(lock.0.try_lock());
    });
}
