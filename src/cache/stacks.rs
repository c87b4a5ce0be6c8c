//! The stacks of a cache and its remote buffer as fills and flushes see them: place, capacity and content.

#![allow(unsafe_code)]

use super::cache::{BUDGET, Cache, SHARE_MAX, SHARE_MIN, add, slot};
use super::slots::{FAR, NEAR, SPARE, STACK_SLOTS, StackSlots, slots_max, slots_min};
use crate::base::class::{CLASSES, SizeClass};
use crate::base::pointer;
use crate::base::shared::AtomicUsize;
use crate::slab::key;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

impl Cache {
    /// The lowest slot of a class, in the place where its stack is. `top` points there when the stack is empty.
    #[inline]
    pub(super) fn bottom(&self, class: SizeClass) -> usize {
        self.bottom_below(class, self.bin(class).top.load(Relaxed))
    }

    #[inline]
    fn bottom_below(&self, class: SizeClass, top: usize) -> usize {
        let StackSlots { near, far } = STACK_SLOTS[class.index()];
        let is_far = top >= self.address() + size_of::<Self>() + 8 * FAR;
        self.slot_at(if is_far { far } else { near })
    }

    /// Moves a stack to the place that has room for `slots` objects, and returns its lowest slot there. The gate is
    /// closed. The store of `top` decides: after a fork the stack is whole in the one place or in the other.
    pub(super) fn settle(&self, class: SizeClass, slots: usize) -> usize {
        let (StackSlots { near, far }, from) = (STACK_SLOTS[class.index()], self.bottom(class));
        let held = self.bin(class).top.load(Relaxed) - from;
        let to = self.slot_at(if slots.max(held / 8) > NEAR { far } else { near });
        if to != from {
            let objects = (8..=held).step_by(8);
            // SAFETY: the class's slots in both places.
            objects.for_each(|at| unsafe { slot(to + at).store(slot(from + at).load(Relaxed), Relaxed) });
            compiler_fence(Ordering::SeqCst);
            self.bin(class).top.store(to + held, Relaxed);
        }
        to
    }

    pub(super) fn is_empty(&self, class: SizeClass) -> bool {
        self.bin(class).top.load(Relaxed) == self.slot_at(STACK_SLOTS[class.index()].near) || self.count(class) == 0
    }

    /// How many slots of a stack are used: by objects and marks.
    pub fn count(&self, class: SizeClass) -> usize {
        self.stack(class).len()
    }

    /// The slots of a stack that hold its objects, and 0 above those that are marked. For another thread this is a snapshot: a slot may
    /// later hold an old address, or 0.
    pub(super) fn stack(&self, class: SizeClass) -> &'static [AtomicUsize] {
        // Read once: the thread may be moving the stack.
        let top = self.bin(class).top.load(Relaxed);
        let bottom = self.bottom_below(class, top);
        // A cache that is not laid out has zeroes there.
        let count = top.saturating_sub(bottom) / 8;
        // SAFETY: the slots stand behind the cache, and `top` is one of them, `bottom` or above it, or 0.
        unsafe { core::slice::from_raw_parts(pointer::at(bottom + 8), count) }
    }

    /// How many objects a stack may hold.
    pub fn capacity(&self, class: SizeClass) -> usize {
        self.pace(class).capacity.load(Relaxed) as usize
    }

    /// The classes whose stacks may hold anything.
    pub fn used(&self) -> impl Iterator<Item = SizeClass> {
        SizeClass::all().filter(|&class| self.capacity(class) != 0)
    }

    /// Sets how many objects a stack may hold, at most `slots_max`. The gate is closed, or the cache halted.
    pub fn set_capacity(&self, class: SizeClass, slots: usize) {
        debug_assert!(slots <= slots_max(class.size()));
        let above = |slots: usize| slots.saturating_sub(slots_min(class.size())) * class.size();
        let before = self.capacity(class);
        let grown = self.grown.load(Relaxed) + above(slots);
        self.grown.store(grown.saturating_sub(above(before)), Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
        self.pace(class).capacity.store(slots as u16, Relaxed);
        self.bin(class).end.store(self.settle(class, slots) + 8 * slots, Relaxed);
        // The table of a cache that is used again still has the class.
        if before == 0 && self.is_hidden(class) {
            self.show(class);
        }
    }

    /// Resets the stacks, as if none had been used. The gate is closed, or the cache halted.
    pub fn begin_stacks(&self) {
        for class in self.used() {
            self.set_capacity(class, 0);
            self.pace(class).batch.store(0, Relaxed);
            self.pace(class).flushes.store(0, Relaxed);
        }
    }

    /// How many objects a stack could hold if it took all that is left of the share of one of `caches` caches.
    pub fn affordable(&self, class: SizeClass, caches: usize) -> usize {
        let size = class.size();
        let room = (BUDGET / caches.max(1)).clamp(SHARE_MIN, SHARE_MAX).saturating_sub(self.grown.load(Relaxed));
        (self.capacity(class).max(slots_min(size)) + room / size).min(slots_max(size))
    }

    /// Whether `top` has not moved since the last call for this class.
    pub fn is_idle(&self, class: SizeClass) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "a stack has fewer slots")]
        let top = (self.bin(class).top.load(Relaxed) / 8) as u16;
        self.pace(class).seen.swap(top, Relaxed) == top
    }

    /// The class after the one that the last call returned, in turn.
    pub fn next_victim(&self) -> SizeClass {
        let next = self.victim.load(Relaxed) % (CLASSES - 1) + 1;
        self.victim.store(next, Relaxed);
        SizeClass::of_index(next)
    }

    /// The slots for up to `count` objects that come into an empty stack. The object to be handed out first goes into
    /// the last slot, the next one before it, and so on. `put` comes next.
    pub fn places(&self, class: SizeClass, count: usize) -> &'static [AtomicUsize] {
        debug_assert!(self.count(class) == 0 && count <= self.capacity(class));
        &self.slots(class)[1..=count]
    }

    /// Makes the objects in the last `taken` of `places` the content of the stack. The gate is closed.
    pub fn put(&self, class: SizeClass, places: &[AtomicUsize], taken: usize) {
        let Some(first) = places.last().map(|slot| slot.load(Relaxed)).filter(|_| taken != 0) else { return };
        if taken < places.len() {
            for (to, from) in places.iter().zip(&places[places.len() - taken..]) {
                to.store(from.load(Relaxed), Relaxed);
            }
        }
        compiler_fence(Ordering::SeqCst);
        self.bin(class).top.store(self.bottom(class) + 8 * taken, Relaxed);
        add(&self.filled, taken as u64);
        if self.rate.load(Relaxed) > 1 {
            self.count_filled(taken as u64);
        }
        self.aim(first);
    }

    /// The objects that a flush down to the `keep` newest takes away. The stack holds more than `keep`. The
    /// gate is closed, and `drop_older` comes next.
    pub fn older(&self, class: SizeClass, keep: usize) -> &'static [AtomicUsize] {
        &self.slots(class)[1..=self.count(class) - keep]
    }

    /// Takes out of the stack what `older` returned.
    pub fn drop_older(&self, class: SizeClass, keep: usize) {
        let (slots, count) = (self.slots(class), self.count(class));
        compiler_fence(Ordering::SeqCst);
        for index in 1..=keep {
            slots[index].store(slots[count - keep + index].load(Relaxed), Relaxed);
        }
        self.bin(class).top.store(self.bottom(class) + 8 * keep, Relaxed);
    }

    /// The slots of a class in the place where its stack is, the lowest included.
    pub(super) fn slots(&self, class: SizeClass) -> &'static [AtomicUsize] {
        let (bottom, most) = (self.bottom(class), slots_max(class.size()));
        let is_near = bottom == self.slot_at(STACK_SLOTS[class.index()].near);
        // SAFETY: the slots stand behind the cache.
        unsafe {
            let first = pointer::at(bottom);
            core::slice::from_raw_parts(first, 1 + if is_near { most.min(NEAR) } else { most } + SPARE)
        }
    }

    /// Whether the stacks have not moved since the last call.
    pub fn is_unused(&self) -> bool {
        let tops = SizeClass::all().map(|class| self.bin(class).top.load(Relaxed));
        #[expect(clippy::cast_possible_truncation, reason = "only whether it changes matters")]
        let now = tops.fold(self.pushed() as usize, usize::wrapping_add);
        self.seen.swap(now, Relaxed) == now
    }

    /// About how many bytes are in the stacks; their thread may be at work on them.
    pub fn stacked_bytes(&self) -> usize {
        SizeClass::all().map(|class| self.count(class) * class.size()).sum()
    }

    /// How many objects and marks are in the stacks.
    pub fn stacked(&self) -> usize {
        SizeClass::all().map(|class| self.count(class)).sum()
    }

    /// Calls `f` with every object in the stacks and the remote buffer. The thread may be at work on them: see `stack`.
    pub fn for_each_held(&self, mut f: impl FnMut(usize)) {
        let stacks = SizeClass::all().flat_map(|class| self.stack(class));
        stacks.chain(self.remote()).map(|slot| slot.load(Relaxed)).filter(|&object| object != 0).for_each(&mut f);
    }

    /// The used part of the remote buffer.
    pub fn remote(&self) -> &[AtomicUsize] {
        // A cache that is not laid out has 0 there.
        let used = self.remote_top.load(Relaxed).saturating_sub(self.remote_bottom()) / size_of::<usize>();
        &self.remote[..used]
    }

    /// The address of the word before the remote buffer, where `remote_top` points when the buffer is empty.
    fn remote_bottom(&self) -> usize {
        self.remote.as_ptr().addr() - size_of::<usize>()
    }

    /// Lets the fast path use the remote buffer.
    pub(super) fn limit_remote(&self) {
        self.remote_end.store(self.remote_bottom() + size_of_val(&self.remote), Relaxed);
    }

    /// Sets how many entries of the remote buffer are used.
    pub fn set_remote_count(&self, count: usize) {
        compiler_fence(Ordering::SeqCst);
        self.remote_top.store(self.remote_bottom() + count * size_of::<usize>(), Relaxed);
    }

    /// Puts a freed object of another arena into the buffer. False if it is full, or the cache halted. The gate is closed.
    ///
    /// # Safety
    /// An object starts at `address`, and neither the program nor a cache has it.
    #[inline(always)]
    pub unsafe fn buffer_remote(&self, address: usize) -> bool {
        let top = self.remote_top.load(Relaxed);
        if !self.has_remote_room(top) {
            return false;
        }
        // SAFETY: the caller's promise, and a slot: there is room.
        unsafe {
            key::set(address);
            slot(top + size_of::<usize>()).store(address, Relaxed);
        }
        compiler_fence(Ordering::SeqCst);
        self.remote_top.store(self.remote_top.load(Relaxed) + size_of::<usize>(), Relaxed);
        true
    }
}
