//! The fast paths: `pop` pops, `push` pushes. All other cases go to the slow paths.

#![allow(unsafe_code)]

use super::cache::{Bin, COUNTED, Cache, Head, OPEN, slot};
use super::sampling::sample_due;
use crate::base::arch;
use crate::base::class::{self, SizeClass};
use crate::base::config::CHECKED;
use crate::base::operation::Operation;
use crate::heap::headers;
use crate::heap::page_map::Unit;
use crate::process::statics::PAGE_MAP;
use crate::slab::key;
use crate::slab::slab::{BINS_END, Entry};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

/// The near leaf moves at every 16th free of an object outside it, to the leaf of that object. This is soon for a
/// thread that frees many objects there, and too rare to cost a thread that frees by turns here and there.
const NOT_NEAR: usize = 16;

impl Head {
    /// An object for `n` bytes, and the object's size; 0 where there is none.
    #[inline(always)]
    pub(super) fn pop(&self, operation: Operation, n: usize) -> (usize, usize) {
        self.pop_by(operation, n, pop_from)
    }

    #[inline(always)]
    fn pop_by(&self, operation: Operation, n: usize, pop: fn(&Cache, Operation, usize) -> usize) -> (usize, usize) {
        let grain = class::grain(n);
        let Some(cache) = self.cache_above(grain) else { return (0, 0) };
        cache.close();
        let distance = cache.distance_of(grain);
        match pop(cache, operation, distance) {
            0 => (0, 0),
            object => (object, cache.bin_at(distance).size.get()),
        }
    }
}

impl Cache {
    /// Counts an object that a free has brought, and returns whether the counter is at zero.
    #[inline(always)]
    fn count_push(&self) -> bool {
        // SAFETY: the counter stands there.
        unsafe { arch::add_one_is_zero::<{ core::mem::offset_of!(Cache, pushed) }, _>(self) }
    }

    /// The same as the function `pop`, in the calling thread's cache, and the object's size.
    #[inline(always)]
    pub fn pop(&self, operation: Operation, n: usize) -> (usize, usize) {
        self.head.pop(operation, n)
    }
}

/// An object for `n` bytes from the calling thread's cache; 0 where it has none.
#[inline(always)]
pub fn pop(operation: Operation, n: usize) -> usize {
    Head::current().pop(operation, n).0
}

/// The same, and the object's size if there is one. The caller has to zero all of it, with the key that is still there.
#[inline(always)]
pub fn pop_to_zero(operation: Operation, n: usize) -> (usize, usize) {
    Head::current().pop_by(operation, n, pop_with_key)
}

/// The same for zero bytes.
#[inline(always)]
pub fn pop_for_zero(operation: Operation) -> usize {
    let Some(cache) = Head::current().open_cache() else { return 0 };
    cache.close();
    pop_from(cache, operation, cache.distance_of(0))
}

/// The same for a size that heap blocks of a class serve; 0 for all others.
#[inline(always)]
pub fn pop_block(operation: Operation, n: usize) -> usize {
    let step = class::block_step(n);
    if step >= class::BLOCK_STEPS {
        return 0;
    }
    let Some(cache) = Head::current().open_cache() else { return 0 };
    cache.close();
    pop_from(cache, operation, cache.distance_of_step(step))
}

/// The same as `pop` for a size whose allocations are counted for a profile, unless a sample is due: see `marks`.
#[inline(always)]
pub fn pop_counted(operation: Operation, n: usize) -> usize {
    let grain = class::grain(n);
    let Some(cache) = Head::current().cache_above(grain) else { return 0 };
    let left = cache.profile_left.load(Relaxed);
    // A block may be due to be guarded, too.
    if left <= n || cache.samples.load(Relaxed) != 0 {
        return 0;
    }
    let distance = usize::from(class::BINS[grain]);
    if cache.bin_at(distance).size.get() <= cache.marked_most.load(Relaxed) {
        return 0;
    }
    cache.close();
    if cache.halted.load(Ordering::Acquire) != COUNTED {
        cache.open();
        return 0;
    }
    let object = pop_from(cache, operation, distance);
    if object != 0 {
        cache.profile_left.store(left - n, Relaxed);
    }
    object
}

/// The same for a class, whose stack may be halted.
#[inline(always)]
pub fn pop_class(operation: Operation, class: SizeClass) -> usize {
    let Some(cache) = Head::current().open_cache() else { return 0 };
    if !cache.enter() {
        return 0;
    }
    pop_from(cache, operation, class.bin())
}

/// Pops. The gate is closed.
#[inline(always)]
pub(super) fn pop_from(cache: &Cache, operation: Operation, distance: usize) -> usize {
    let object = pop_with_key(cache, operation, distance);
    if object != 0 {
        // SAFETY: an object that was free until now.
        unsafe { key::clear(object) };
    }
    object
}

/// Pops an object whose key the caller clears. The gate is closed.
#[inline(always)]
fn pop_with_key(cache: &Cache, operation: Operation, distance: usize) -> usize {
    let bin = cache.bin_at(distance);
    // SAFETY: `top` is the address of a slot, which for an empty stack holds 0.
    let object = unsafe { slot(bin.top.load(Relaxed)) }.load(Relaxed);
    if object == 0 {
        cache.open();
        return 0;
    }
    bin.top.store(bin.top.load(Relaxed) - 8, Relaxed);
    if operation != Operation::Malloc {
        cache.count_call(operation);
    }
    cache.open();
    object
}

/// What became of an object that was to be pushed.
pub enum Pushed {
    /// It is in the cache.
    Yes,
    /// Nothing was done: it is free already, has never left the arena, or does not start where
    /// objects do; or the stack is full. Or no slab is there.
    Refused(&'static Cache, Unit),
    /// Nothing was done: it is no object of a slab of the thread's home arena, or the gate is closed.
    NotHome(&'static Head, Unit),
    /// Nothing was done: the near leaf does not show it. `push_far` comes next.
    NotNear,
}

/// Puts an object into the calling thread's cache.
#[inline(always)]
pub fn push(address: usize) -> Pushed {
    let head = Head::current();
    let Some(unit) = head.near_unit(address) else { return Pushed::NotNear };
    let distance = head.distance(unit.word());
    let Some(cache) = head.cache_above(distance) else { return Pushed::NotHome(head, unit) };
    if push_at(cache, distance, |bin| bin.has_object(unit, address), address) {
        Pushed::Yes
    } else {
        Pushed::Refused(cache, unit)
    }
}

/// The same, but only for an object of the class that serves requests of `n` bytes.
#[inline(always)]
pub fn push_sized(address: usize, n: usize) -> bool {
    push_sized_of(|cache| cache.head.home.get(), address, n)
}

/// The same, but only in a cache that serves deletes.
#[inline(always)]
pub fn push_deleted(address: usize, n: usize) -> bool {
    push_sized_of(|cache| cache.home_of_deletes.get(), address, n)
}

#[inline(always)]
fn push_sized_of(home: impl Fn(&Cache) -> usize, address: usize, n: usize) -> bool {
    let grain = class::grain(n);
    let Some(cache) = Head::current().cache_above(grain) else { return false };
    let Some(unit) = cache.head.near_unit(address) else { return false };
    let distance = Entry::place(unit.word()) ^ home(cache);
    // The bin of no class has no room.
    cache.is_distance_of(grain, distance) && push_at(cache, distance, |bin| bin.has_object(unit, address), address)
}

/// The same for an object outside the near leaf.
pub fn push_far(address: usize) -> bool {
    let Some(unit) = PAGE_MAP.unit(address) else { return false };
    let head = Head::current();
    let distance = head.distance(unit.word());
    let Some(cache) = head.cache_above(distance) else { return false };
    let not_near = cache.not_near.load(Relaxed).wrapping_add(1);
    cache.not_near.store(not_near, Relaxed);
    if not_near.is_multiple_of(NOT_NEAR) {
        cache.aim(address);
    }
    push_at(cache, distance, |bin| bin.has_object(unit, address), address)
}

/// An object that `push` would take.
#[derive(Clone, Copy)]
pub struct Object {
    cache: &'static Cache,
    distance: usize,
}

impl Object {
    /// The cache.
    #[inline(always)]
    pub fn cache(self) -> &'static Cache {
        self.cache
    }

    /// The object's bytes.
    #[inline(always)]
    pub fn size(self) -> usize {
        self.cache.bin_at(self.distance).size.get()
    }

    /// Pushes the object. False, and nothing is done, if it has been freed since, or the stack is full. The caller has
    /// found the gate open, and has the object.
    #[inline(always)]
    pub fn push(self, address: usize) -> bool {
        push_at(self.cache, self.distance, |_| true, address)
    }
}

/// The object at an address, if `push` would take it; else its unit, if the near leaf shows it.
#[inline(always)]
pub fn object(address: usize) -> Result<Object, Option<Unit>> {
    let head = Head::current();
    let Some(unit) = head.near_unit(address) else { return Err(None) };
    let distance = head.distance(unit.word());
    // The gate does not matter: the stacks are not read.
    if distance >= OPEN {
        return Err(Some(unit));
    }
    // SAFETY: the empty near leaf shows nothing, so this is not the empty head.
    let cache = unsafe { head.cache() };
    // SAFETY: an object starts there.
    if !cache.bin_at(distance).has_object(unit, address) || unsafe { key::is_set(address) } {
        return Err(Some(unit));
    }
    Ok(Object { cache, distance })
}

/// The unit of an address, if the near leaf shows it. `None` where blocks are checked.
#[inline(always)]
pub fn near_unit(address: usize) -> Option<Unit> {
    Head::current().near_unit(address)
}

#[inline(always)]
fn push_at(cache: &Cache, distance: usize, starts_here: impl Fn(&Bin) -> bool, address: usize) -> bool {
    let bin = cache.bin_at(distance);
    cache.close();
    let top = bin.top.load(Relaxed);
    // SAFETY: an object starts there.
    if !cache.has_room(distance, top) || !starts_here(bin) || unsafe { key::is_set(address) } {
        cache.open();
        return false;
    }
    // SAFETY: an object that was freed just now, and a slot: there is room.
    unsafe {
        key::set(address);
        slot(top + 8).store(address, Relaxed);
    }
    compiler_fence(Ordering::SeqCst);
    bin.top.store(bin.top.load(Relaxed) + 8, Relaxed);
    if cache.count_push() {
        sample_due(distance);
        return true;
    }
    cache.open();
    true
}

/// Puts an object or a heap block of a class into the calling thread's cache, if there is room. The
/// caller has checked it.
#[inline(always)]
pub fn push_class(class: SizeClass, address: usize) -> bool {
    let Some(cache) = Head::current().open_cache() else { return false };
    // A halted cache that was left to its thread goes on here.
    push_at_class(cache, class, address) || cache.enter() && push_at_class(cache, class, address)
}

/// The same for a block of the home arena's heap whose size is that of a class. False, and nothing is done, also if a
/// slab is there, or no block in use starts there, or it is in a cache already. The gate is open.
#[inline(always)]
pub fn push_block(cache: &Cache, unit: Unit, address: usize) -> bool {
    if unit.slab_entry().is_some() {
        return false;
    }
    let Some(record) = unit.record() else { return false };
    if !record.is_region_of_arena(cache.home()) {
        return false;
    }
    // SAFETY: the page map's region.
    let Some(usable) = (unsafe { headers::usable_size_or_more(record, address) }) else { return false };
    // A block of a class has the class's size and a bit more.
    let step = class::block_step(usable.wrapping_sub(class::SLACK - 1));
    if step >= class::BLOCK_STEPS {
        return false;
    }
    let distance = cache.distance_of_step(step);
    usable.wrapping_sub(cache.bin_at(distance).size.get()) < class::SLACK && push_at(cache, distance, |_| true, address)
}

#[inline(always)]
fn push_at_class(cache: &Cache, class: SizeClass, address: usize) -> bool {
    push_at(cache, class.bin(), |_| true, address)
}

/// Puts an object that `push` has found not to be of the home arena into the calling thread's remote buffer. False, and
/// nothing is done, if it is of a mixed slab, is free already, has never left its arena, or does not start where
/// objects do. False also if the buffer is full, or the cache halted.
#[inline(always)]
pub fn push_remote(cache: &Cache, unit: Unit, address: usize) -> bool {
    debug_assert!(cache.head.distance(unit.word()) >= BINS_END);
    let bin = Entry::place(unit.word()) % BINS_END;
    cache.close();
    // Nothing is below the limit of a unit without a slab, or of a mixed slab.
    let is_object = if CHECKED { cache.bin_at(bin).has_object(unit, address) } else { bin != 0 };
    // SAFETY: an object starts there. One without the key is freed just now.
    let released = is_object && unsafe { !key::is_set(address) && cache.buffer_remote(address) };
    cache.open();
    released
}
