//! Sampling for guarded blocks: how a cache counts, and how it sends the next allocation to the slow
//! path. See the head of `cache`. `marks` has the samples of a profile.

#![allow(unsafe_code)]

use super::cache::{ARMED, COUNTED, Cache, Head};
use crate::base::checksum;
use crate::base::class::{self, SizeClass};
use crate::base::config::GRAIN;
use crate::process::options;
use crate::report::guard_pool;
use crate::slab::key;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

/// Arming concerns requests below this many grains.
const ARMED_GRAINS: usize = guard_pool::LARGEST / GRAIN;
/// In `samples`: every block that can be guarded is a sample.
const ALL: u32 = u32::MAX;

const _: () = assert!(ARMED_GRAINS < class::GRAINS);

impl Cache {
    /// Objects that frees have brought. The tries are bounded, as a signal handler may have
    /// interrupted `set_counter` on this thread.
    pub fn pushed(&self) -> u64 {
        const TRIES: usize = 100;
        let read = || {
            let before = self.pushed_changes.load(Ordering::Acquire);
            let pushed = self.pushed.load(Ordering::Acquire).wrapping_add(self.pushed_base.load(Ordering::Acquire));
            (pushed, before.is_multiple_of(2) && self.pushed_changes.load(Relaxed) == before)
        };
        (0..TRIES).map(|_| read()).find(|(_, whole)| *whole).unwrap_or_else(read).0
    }

    /// Sets the counter, and leaves `pushed()` as it was. The gate is closed.
    pub(super) fn set_counter(&self, counter: u64) {
        let pushed = self.pushed.load(Relaxed).wrapping_add(self.pushed_base.load(Relaxed));
        let changes = self.pushed_changes.load(Relaxed);
        self.pushed_changes.store(changes.wrapping_add(1), Relaxed);
        core::sync::atomic::fence(Ordering::Release);
        self.pushed.store(counter, Relaxed);
        self.pushed_base.store(pushed.wrapping_sub(counter), Relaxed);
        self.pushed_changes.store(changes.wrapping_add(2), Ordering::Release);
    }

    /// How many allocations there are between two samples: `rate - 1` on average, so that one in `rate` is a sample.
    fn interval(&self, rate: usize) -> u64 {
        (self.next_random() >> 16) % (2 * (rate as u64 - 1) + 1)
    }

    /// Starts to count for a rate, or only to count. The gate is closed.
    #[cold]
    #[inline(never)]
    fn begin_samples(&self, rate: usize) {
        self.rate.store(rate, Relaxed);
        // The counter may have been that of a profile, which begins anew.
        self.end_marks();
        self.samples.store(if rate == 1 { ALL } else { 0 }, Relaxed);
        if rate < 2 {
            // The counter goes up from where it is, and never is at zero again.
            let pushed = self.pushed.load(Relaxed).wrapping_add(self.pushed_base.load(Relaxed));
            return self.set_counter(pushed.max(1));
        }
        self.set_counter((self.interval(rate) + 1).wrapping_neg());
    }

    /// Notes the samples that are due and arms the cache for them. The counter would be at `counter`, not below zero,
    /// and is below zero again afterwards. The samples are no more than are likely among the objects in the stacks, as
    /// those that flushes take away are not handed out from here. The gate is closed.
    #[cold]
    #[inline(never)]
    fn count_samples(&self, counter: u64) {
        let rate = self.rate.load(Relaxed);
        let mut left = counter.cast_signed();
        let mut due = self.samples.load(Relaxed);
        while left >= 0 {
            due += 1;
            left -= self.interval(rate).cast_signed();
        }
        #[expect(clippy::cast_possible_truncation, reason = "some ten thousand objects")]
        let most = (self.stacked() / rate) as u32 + 1;
        if !options::guard_is_spaced() {
            self.samples.store(due.min(most), Relaxed);
        } else if let now = Linux.now()
            && now != self.sampled_at.load(Relaxed)
        {
            self.sampled_at.store(now, Relaxed);
            self.samples.store(1, Relaxed);
        }
        self.set_counter(left.cast_unsigned());
        if self.samples.load(Relaxed) != 0 {
            self.arm();
        }
    }

    /// Counts objects that a fill has brought. The gate is closed.
    #[cold]
    #[inline(never)]
    pub(super) fn count_filled(&self, objects: u64) {
        let counter = self.pushed.load(Relaxed).wrapping_add(objects);
        if counter.cast_signed() < 0 {
            self.set_counter(counter);
        } else {
            self.count_samples(counter);
        }
    }

    /// Sends the next allocation of a small size to the slow path. Any thread may call this. False if the
    /// cache is halted. If it is halted meanwhile, this sample is lost and the next one comes. The slow
    /// path restores a table that is empty in part.
    #[cold]
    #[inline(never)]
    pub fn arm(&self) -> bool {
        match self.halted.compare_exchange(0, ARMED, Ordering::AcqRel, Relaxed) {
            Ok(_) => {
                let table = self.table().iter().take(ARMED_GRAINS);
                table.filter(|bin| bin.load(Relaxed) != 0).for_each(|bin| bin.store(0, Relaxed));
            }
            Err(now) => return now == ARMED || now == COUNTED,
        }
        true
    }

    /// Whether requests of a class are to take the slow path, as a sample is due.
    pub(super) fn is_armed_for(&self, class: SizeClass) -> bool {
        class.places().start < ARMED_GRAINS && self.halted.load(Relaxed) == ARMED
    }

    /// Whether a small request of `n` bytes, which the slow path is about to serve, is to be a
    /// sample. Called by the cache's own thread.
    #[cold]
    #[inline(never)]
    pub fn take_sample(&self, rate: usize, n: usize) -> bool {
        if !self.enter() {
            return false;
        }
        if self.rate.load(Relaxed) != rate {
            self.begin_samples(rate);
        }
        let due = self.samples.load(Relaxed);
        if due != 0 && due != ALL {
            self.samples.store(due - 1, Relaxed);
        }
        if self.samples.load(Relaxed) != 0 {
            self.arm();
        } else {
            let armed = self.halted.load(Relaxed) == ARMED;
            let armed = armed && self.halted.compare_exchange(ARMED, 0, Relaxed, Relaxed).is_ok();
            let grain = class::grain(n.max(1));
            if armed || self.bins_of_grains[grain.min(ARMED_GRAINS)].load(Relaxed) == 0 {
                self.show_used();
            }
        }
        self.open();
        due != 0
    }

    pub(super) fn next_random(&self) -> u64 {
        let mut x = self.random.load(Relaxed);
        if x == 0 {
            x = key::key(self.address()) ^ checksum::secret() | 1;
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.store(x, Relaxed);
        // The lower bits alone are not random enough.
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Called when the counter of the calling thread's cache is at zero, and its gate closed: a sample is
/// due. An object came into the bin at `distance` just now. Opens the gate.
#[cold]
#[inline(never)]
pub(super) extern "C" fn sample_due(distance: usize) {
    // SAFETY: the calling thread has pushed into a stack of it.
    let cache = unsafe { Head::current().cache() };
    if cache.rate.load(Relaxed) >= 2 {
        cache.count_samples(0);
    } else if cache.marked_most.load(Relaxed) != 0 {
        cache.choose_push(distance);
    } else {
        // There is no rate to count for: the counter goes up from here on.
        cache.begin_samples(cache.rate.load(Relaxed));
    }
    cache.open();
}
