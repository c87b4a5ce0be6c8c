//! The samples of a profile: how a cache chooses them, and how the fast paths go on meanwhile.
//!
//! Each allocation is to be a sample with a chance that its size alone decides. Which object serves it does not matter.
//! So the choice is made when an object comes into a stack, and the object keeps it until it is handed out, or a flush
//! takes it away and the choice with it. An object that is chosen is *marked*: the slot above it holds 0.
//!
//! ```text
//!     | 0 | p | p | 0 | p | p |   |   |        the second object is marked
//!                           top      end
//! ```
//!
//! `pop` takes the mark for the bottom of the stack. So the slow path comes exactly when a marked object is next, and
//! the fast paths do nothing for it.
//!
//! - **Pushes** are counted anyway, in `pushed`, whose zero leads here. Of each `TURN` pushes one is chosen at random, and
//!   the object that it has brought is marked with `TURN` times the chance that it is to have.
//! - **Fills** take the bytes that they bring from `profile_left`. A fill ends with the object that it marks. The first
//!   object of a fill serves a request at once, which is counted as below.
//! - **Requests** that no object in a stack serves, and those of sizes without marks, are counted one by one:
//!   `profile_left` is the number of bytes to the next sample, exponentially distributed. Sizes have no marks where
//!   `TURN` times their chance is more than 1. They are hidden from the fast paths.
//!
//! A mark stands for a request of all of its object's bytes. A smaller one takes it with a chance less than 1.

#![allow(unsafe_code)]

use super::cache::{COUNTED, Cache, add, slot};
use crate::base::chance;
use crate::base::checksum;
use crate::base::class::{self, SizeClass};
use crate::base::shared::{AtomicU16, AtomicUsize};
use crate::process::profiling;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

/// Of so many pushes one is chosen.
const TURN: u32 = 128;

impl Cache {
    /// Whether samples are chosen for this rate.
    pub fn is_profiled_at(&self, rate: usize) -> bool {
        self.profile_rate.load(Relaxed) == rate
    }

    /// Whether objects of a class are marked, for the rate that holds now.
    pub(super) fn is_marked(&self, class: SizeClass) -> bool {
        class.size() <= self.marked_most.load(Relaxed) && self.is_profiled_at(profiling::rate())
    }

    /// Begins to choose samples, for a rate above 0. The stacks are empty. Called by the cache's own thread.
    pub fn begin_profile(&self, rate: usize) {
        if !self.enter() {
            return;
        }
        // Where guards count pushes, nothing is marked.
        let most = if self.rate.load(Relaxed) < 2 { (rate / TURN as usize).min(class::SLAB_MAX) } else { 0 };
        self.marked_most.store(most, Relaxed);
        self.profile_rate.store(rate, Relaxed);
        self.profile_left.store(self.distance(), Relaxed);
        if most != 0 {
            self.turn.store(TURN - 1, Relaxed);
            self.begin_turn(self.next_random());
        }
        self.show_anew();
        self.open();
    }

    /// Marks nothing more.
    pub(super) fn end_marks(&self) {
        self.profile_rate.store(0, Relaxed);
        self.marked_most.store(0, Relaxed);
    }

    /// Whether a request of `n` bytes that the slow path is about to serve, from a class if one is given, is a sample.
    /// Called by the cache's own thread.
    pub fn profile_passes(&self, n: usize, class: Option<SizeClass>) -> bool {
        if !self.enter() {
            return false;
        }
        let marked = class.filter(|&class| self.is_marked(class));
        let is_sample = match marked.and_then(|class| Some((class, self.take_mark(class)?))) {
            Some((class, is_next)) => is_next && self.draw() * self.chance(class.size()) < self.chance(n),
            None => self.pass(n),
        };
        if self.halted.compare_exchange(0, COUNTED, Relaxed, Relaxed).is_ok() {
            self.show_anew();
        } else if marked.is_some_and(|class| self.is_hidden(class)) {
            self.show_used();
        }
        self.open();
        is_sample
    }

    /// Makes the fast paths serve again after a profile, if they do not serve `n` bytes. Called by the cache's own thread.
    pub fn end_profile(&self, n: usize) {
        self.end_marks();
        if SizeClass::for_size(n).is_some_and(|class| self.is_hidden(class)) && self.enter() {
            let counted = self.halted.compare_exchange(COUNTED, 0, Relaxed, Relaxed).is_ok();
            if counted || self.halted.load(Relaxed) == 0 {
                self.show_used();
            }
            self.open();
        }
    }

    /// Empties the table of bins, and enters what the fast paths may serve.
    #[inline(never)]
    fn show_anew(&self) {
        self.forget_bins();
        self.show_used();
    }

    /// Empties the table of bins, so that the next allocation takes the slow path. Any thread may call this.
    pub fn forget_bins(&self) {
        self.table().iter().filter(|bin| bin.load(Relaxed) != 0).for_each(|bin| bin.store(0, Relaxed));
    }

    /// Lets `n` bytes pass, and returns whether they are a sample.
    fn pass(&self, n: usize) -> bool {
        let left = self.profile_left.load(Relaxed);
        let is_sample = left <= n;
        self.profile_left.store(if is_sample { self.distance() } else { left - n }, Relaxed);
        is_sample
    }

    /// A distance to the next sample.
    fn distance(&self) -> usize {
        1 + chance::distance(self.profile_rate.load(Relaxed), self.next_random() ^ checksum::secret().rotate_left(17))
    }

    /// A random number from 0 to below 1.
    fn draw(&self) -> f64 {
        fraction(self.next_random())
    }

    /// The chance of a block of `n` bytes, of a size that is marked: `1 - exp(-n / rate)`.
    #[expect(clippy::cast_precision_loss, reason = "chances")]
    fn chance(&self, n: usize) -> f64 {
        let x = n as f64 / self.profile_rate.load(Relaxed) as f64;
        x * (1.0 - x / 2.0 * (1.0 - x / 3.0))
    }
}

/// Marks in stacks. The gate is closed in all of this.
impl Cache {
    /// How many marks are in a stack; never fewer than there are.
    fn marks(&self, class: SizeClass) -> &AtomicU16 {
        &self.marks[class.index()]
    }

    /// The push that has brought an object into the bin at `distance` was chosen: marks the object, if it is to be, and
    /// chooses a push of the next turn.
    #[cold]
    #[inline(never)]
    pub(super) fn choose_push(&self, distance: usize) {
        if !self.is_profiled_at(profiling::rate()) {
            // The next allocation that takes the slow path begins or ends the profile.
            self.end_marks();
            return self.set_counter(1);
        }
        let random = self.next_random();
        self.begin_turn(random);
        let class = SizeClass::of_bin(distance);
        let is_marked = class.size() <= self.marked_most.load(Relaxed);
        if is_marked && fraction(random << TURN.ilog2()) < f64::from(TURN) * self.chance(class.size()) {
            self.mark(class, self.count(class));
        }
    }

    /// Lets the rest of this turn pass, and then as much of the next one as the upper bits of a random number say.
    fn begin_turn(&self, random: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "below TURN")]
        let chosen = (random >> (u64::BITS - TURN.ilog2())) as u32;
        let rest = TURN - self.turn.swap(chosen, Relaxed);
        self.set_counter(u64::from(rest + chosen).wrapping_neg());
    }

    /// Marks the object in slot `at` of a stack. There is a spare slot for that above all that a stack may hold.
    fn mark(&self, class: SizeClass, at: usize) {
        let (slots, count) = (self.slots(class), self.count(class));
        self.marks(class).store(self.marks(class).load(Relaxed) + 1, Relaxed);
        for index in (at + 1..=count).rev() {
            slots[index + 1].store(slots[index].load(Relaxed), Relaxed);
        }
        slots[at + 1].store(0, Relaxed);
        compiler_fence(Ordering::SeqCst);
        let top = &self.bin(class).top;
        top.store(top.load(Relaxed) + size_of::<usize>(), Relaxed);
        // It counts as an object, here and where it leaves the stack.
        add(&self.filled, 1);
    }

    /// Whether the next object of a stack is marked. If it is, the mark is taken away. `None` if the stack has no object.
    fn take_mark(&self, class: SizeClass) -> Option<bool> {
        let dropped = self.drop_mark(class);
        (!self.is_empty(class)).then_some(dropped)
    }

    /// Takes away the mark of a stack's next object, if there is one. One whose object a flush has taken stands lowest.
    pub(super) fn drop_mark(&self, class: SizeClass) -> bool {
        let top = &self.bin(class).top;
        let at = top.load(Relaxed);
        // SAFETY: `top` is the address of a slot.
        let is_mark =
            self.marks(class).load(Relaxed) != 0 && unsafe { slot(at) }.load(Relaxed) == 0 && !self.is_empty(class);
        if is_mark {
            top.store(at - size_of::<usize>(), Relaxed);
            add(&self.filled, u64::MAX);
            self.marks(class).store(self.marks(class).load(Relaxed) - 1, Relaxed);
        }
        is_mark
    }

    /// How many of `most` objects a fill is to bring: up to the one that it marks.
    pub(super) fn before_mark(&self, class: SizeClass, most: usize) -> usize {
        if self.is_marked(class) { most.min(1 + self.profile_left.load(Relaxed).div_ceil(class.size())) } else { most }
    }

    /// A fill has brought so many objects, the first of which serves a request: marks the last one if it is to be.
    pub(super) fn mark_filled(&self, class: SizeClass, taken: usize) {
        if taken > 1 && self.is_marked(class) && self.pass((taken - 1) * class.size()) {
            self.mark(class, 1);
        }
    }

    /// Of what a flush takes away: the objects up to the lowest mark, and what is above it. The mark is gone.
    pub(super) fn split_at_mark<'a>(
        &self,
        class: SizeClass,
        going: &'a [AtomicUsize],
    ) -> (&'a [AtomicUsize], &'a [AtomicUsize]) {
        let marks = self.marks(class).load(Relaxed);
        let find = || going.iter().position(|slot| slot.load(Relaxed) == 0);
        let Some(at) = (marks != 0).then(find).flatten() else { return (going, &[]) };
        self.marks(class).store(marks - 1, Relaxed);
        (&going[..at], &going[at + 1..])
    }
}

/// A random number from 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "fits")]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::super::cache::BYTES;
    use super::super::slots::{NEAR, slots_max, slots_min};
    use super::*;
    use crate::base::pointer;
    use std::vec::Vec;

    /// A cache whose stack of the class is full, of objects with these addresses from the bottom up.
    fn full(class: SizeClass, capacity: usize) -> &'static Cache {
        let layout = std::alloc::Layout::from_size_align(BYTES, align_of::<Cache>()).unwrap();
        // SAFETY: the layout has a size. Zeroes are a cache that is not laid out, and stay.
        let cache: &Cache = unsafe { pointer::to_ref(pointer::expose(std::alloc::alloc_zeroed(layout))) };
        cache.begin();
        cache.set_home(1);
        cache.set_capacity(class, capacity);
        let places = cache.places(class, capacity);
        (1..).zip(places).for_each(|(object, place)| place.store(object, Relaxed));
        cache.put(class, places, capacity);
        cache
    }

    fn slots(cache: &Cache, class: SizeClass) -> Vec<usize> {
        cache.stack(class).iter().map(|slot| slot.load(Relaxed)).collect()
    }

    #[test]
    fn a_full_stack_takes_a_mark_and_keeps_it_where_it_moves() {
        for class in SizeClass::slabs() {
            let (least, most) = (slots_min(class.size()), slots_max(class.size()));
            for capacity in [least, most.min(NEAR), most] {
                let cache = full(class, capacity);
                cache.mark(class, capacity);
                let with_mark: Vec<_> = (1..=capacity).chain([0]).collect();
                assert_eq!(slots(cache, class), with_mark);
                for capacity in [least, most, least] {
                    cache.set_capacity(class, capacity);
                }
                assert_eq!(slots(cache, class), with_mark);
                assert_eq!((cache.take_mark(class), cache.take_mark(class)), (Some(true), Some(false)));
                assert_eq!(slots(cache, class), with_mark[..capacity]);
            }
        }
    }

    #[test]
    fn a_flush_takes_marks_and_objects() {
        let class = SizeClass::of_index(3);
        let cache = full(class, 8);
        // From above: marks go above their objects.
        for at in [5, 4, 2] {
            cache.mark(class, at);
        }
        assert_eq!(slots(cache, class), [1, 2, 0, 3, 4, 0, 5, 0, 6, 7, 8]);
        let mut left = cache.older(class, 4);
        let mut parts = Vec::new();
        while !left.is_empty() {
            let (objects, above) = cache.split_at_mark(class, left);
            parts.push(objects.iter().map(|slot| slot.load(Relaxed)).collect::<Vec<_>>());
            left = above;
        }
        assert_eq!(parts, [[1, 2].as_slice(), &[3, 4], &[5]]);
        cache.drop_older(class, 4);
        assert_eq!(slots(cache, class), [0, 6, 7, 8]);
        // Nothing is below the mark whose object is gone.
        cache.bin(class).top.store(cache.bottom(class) + 8, Relaxed);
        assert_eq!((cache.take_mark(class), cache.marks(class).load(Relaxed)), (None, 0));
    }

    #[test]
    fn a_push_of_each_turn_is_chosen() {
        let cache = full(SizeClass::of_index(1), 1);
        cache.turn.store(TURN - 1, Relaxed);
        let mut pushes = 0;
        for turn in 0..1000 {
            cache.begin_turn(cache.next_random());
            pushes += cache.pushed.load(Relaxed).wrapping_neg();
            let chosen = cache.turn.load(Relaxed);
            assert_eq!(pushes, u64::from(turn * TURN + chosen) + 1);
        }
    }
}
