//! Halting a cache: how another thread than its own gets at its stacks, and how its own thread comes in.

use super::cache::{ARMED, COUNTED, Cache, HALTED, LEFT, classes};
use crate::sys::futex;
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

#[cfg(feature = "models")]
use crate::base::model::barrier;
#[cfg(not(feature = "models"))]
use crate::sys::calls::barrier;

/// How many milliseconds `resume` waits for the gate to open.
const PATIENCE: usize = if cfg!(feature = "models") { 2 } else { 20 };

impl Cache {
    /// Halts a cache for another thread than its own: until `resume` it serves nothing and takes nothing. False if its
    /// thread is at work on it just now, or the kernel has no `barrier`.
    ///
    /// The thread closes the gate before it reads what this changes. So once every processor has passed a
    /// barrier, either `halt` sees the gate closed, or the thread finds the cache halted when it closes the
    /// gate next. This costs the thread nothing.
    pub fn halt(&self) -> bool {
        let claim = |from| self.halted.compare_exchange(from, HALTED, Relaxed, Relaxed).is_ok();
        // A sample that is due is put off until the next one.
        if ![0, ARMED, COUNTED, LEFT].into_iter().any(claim) {
            return false;
        }
        self.table().iter().filter(|bin| bin.load(Relaxed) != 0).for_each(|bin| bin.store(0, Relaxed));
        let ends = || classes().map(|class| &self.bin(class).end).chain([&self.remote_end]);
        ends().for_each(|end| end.store(0, Relaxed));
        // In a slow path that it entered before, the thread may have set an end or the table anew.
        let unset = || ends().all(|end| end.load(Relaxed) == 0) && self.has_no_bins();
        // Only a second barrier shows what the thread did before it opened the gate.
        let done = barrier() && self.is_open() && barrier() && unset();
        if !done {
            // The thread may be moving a stack: it sets the ends itself.
            self.leave();
        }
        done
    }

    /// Lets the thread go on. The thread may just be finding the cache halted: what it has read so far must not meet
    /// what it reads from now on, so the gate has to be open. If that takes long, as a signal handler has interrupted
    /// the thread there, the thread lets itself go on later, in its next slow path.
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

    /// Closes the gate for a slow path of the cache's own thread. False, with the gate open, if the cache is halted.
    pub fn enter(&self) -> bool {
        self.close();
        self.halted.load(Ordering::Acquire) == 0 || self.enter_halted()
    }

    #[cold]
    #[inline(never)]
    fn enter_halted(&self) -> bool {
        match self.halted.load(Ordering::Acquire) {
            0 | ARMED | COUNTED => return true,
            // Another thread may be halting the cache again.
            LEFT if self.halted.compare_exchange(LEFT, 0, Ordering::Acquire, Relaxed).is_ok() => {
                self.limit();
                futex::wake_one(&self.halted);
                return true;
            }
            _ => self.open(),
        }
        false
    }

    /// Whether the table of bins is empty.
    pub(super) fn has_no_bins(&self) -> bool {
        self.table().iter().all(|bin| bin.load(Relaxed) == 0)
    }

    /// As `enter`, but waits until the cache is no longer halted.
    pub fn enter_at_last(&self) {
        while !self.enter() {
            futex::wait_most(&self.halted, HALTED, 1);
        }
    }
}
