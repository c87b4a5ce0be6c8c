//! Halting a cache: how somebody else than its thread comes to its stacks, and how its thread comes in.

use super::cache::{ARMED, Cache, HALTED, LEFT, classes};
use crate::sys::futex;
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

#[cfg(feature = "models")]
use crate::base::model::barrier;
#[cfg(not(feature = "models"))]
use crate::sys::calls::barrier;

/// Milliseconds that a thread's gate may be closed when it is to go on.
const PATIENCE: usize = if cfg!(feature = "models") { 2 } else { 20 };

impl Cache {
    /// Halts a cache for a thread that is not its own: until `resume` it serves nothing and takes nothing. False if its thread is at work on it
    /// just now, or the kernel has no `barrier`.
    ///
    /// The thread closes the gate before it reads what this changes. So once every processor has passed a barrier, either the gate is
    /// seen closed here, or the thread finds the cache halted when it closes the gate next. It pays nothing for that.
    pub fn halt(&self) -> bool {
        let claim = |from| self.halted.compare_exchange(from, HALTED, Relaxed, Relaxed).is_ok();
        // If a sample is due, it waits for the next that is.
        if ![0, ARMED, LEFT].into_iter().any(claim) {
            return false;
        }
        self.table().iter().filter(|bin| bin.load(Relaxed) != 0).for_each(|bin| bin.store(0, Relaxed));
        classes().for_each(|class| self.bin(class).end.store(0, Relaxed));
        // In a slow path that it entered before, the thread may have set an end or the table anew.
        let unset = || classes().all(|class| self.bin(class).end.load(Relaxed) == 0) && self.has_no_bins();
        // What the thread did before it opened the gate is seen only behind another barrier.
        let done = barrier() && self.is_open() && barrier() && unset();
        if !done {
            // It may be moving a stack: it says itself where that ends.
            self.leave();
        }
        done
    }

    /// Lets the thread go on. It may be just finding out that the cache is halted: what it has read so far must not
    /// meet what it reads from now on. If that takes long, as a signal handler has interrupted it there, the thread lets itself go on later,
    /// in its next slow path.
    pub fn resume(&self) {
        for _ in 0..PATIENCE {
            if barrier() && self.is_open() {
                self.let_go();
                return;
            }
            futex::wait_most(&self.halted, HALTED, 1);
        }
        self.leave();
    }

    /// Leaves it to the thread to let itself go on, in its next slow path.
    pub(super) fn leave(&self) {
        self.halted.store(LEFT, Ordering::Release);
        futex::wake_one(&self.halted);
    }

    #[cold]
    #[inline(never)]
    fn let_go(&self) {
        self.limit();
        self.halted.store(0, Ordering::Release);
        futex::wake_one(&self.halted);
    }

    /// Closes the gate for a slow path of the cache's own thread. False, and it is open, if the cache is halted.
    pub fn enter(&self) -> bool {
        self.close();
        self.halted.load(Ordering::Acquire) == 0 || self.enter_halted()
    }

    #[cold]
    #[inline(never)]
    fn enter_halted(&self) -> bool {
        match self.halted.load(Ordering::Acquire) {
            0 | ARMED => return true,
            // Another thread may be claiming the cache again.
            LEFT if self.halted.compare_exchange(LEFT, 0, Ordering::Acquire, Relaxed).is_ok() => {
                self.limit();
                futex::wake_one(&self.halted);
                return true;
            }
            _ => self.open(),
        }
        false
    }

    /// The same, but not if the cache is armed.
    #[inline(always)]
    pub(super) fn enter_unarmed(&self) -> bool {
        self.close();
        if self.halted.load(Ordering::Acquire) == 0 {
            return true;
        }
        self.open();
        self.halted.load(Relaxed) != ARMED && self.enter()
    }

    /// Whether the table of bins is empty.
    pub(super) fn has_no_bins(&self) -> bool {
        self.table().iter().all(|bin| bin.load(Relaxed) == 0)
    }

    /// The same, waiting until the cache is not halted any more.
    pub fn enter_at_last(&self) {
        while !self.enter() {
            futex::wait_most(&self.halted, HALTED, 1);
        }
    }
}
