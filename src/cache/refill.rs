//! The slow paths of small sizes between thread caches and arenas: fills, flushes, and frees that go to another arena.
//!
//! How much a stack may hold follows what the thread does. Fills in a row double the next one. A stack that is full
//! after a fill grows, as it was too small for a burst. After several flushes in a row a flush keeps nothing, as a
//! thread that only frees has no use for free objects, and objects in a cache keep their pages from being given back.
//! All stacks share a budget. When it is used up, a stack that grows takes from the idle stacks of its thread.

use super::cache::{self, Cache};
use super::fast;
use super::slots::{slots_max, slots_min};
use crate::base::class::SizeClass;
use crate::base::operation::Operation;
use crate::base::shared::AtomicUsize;
use crate::cache::rooms;
use crate::process::{helper_call, statics};
use crate::report::misuse::{self, Wrong};
use crate::slab::misuse::ObjectMisuse;
use crate::slab::slab::Entry;
use crate::sys::linux;
use core::sync::atomic::Ordering::Relaxed;

/// The first fill of a stack brings this many objects, but at most a page of them, so that threads
/// that need few touch few.
const BATCH_FIRST: usize = 8;
const FIRST_BYTES: usize = 4096;
const BATCH_MAX: usize = 256;
/// Up to this many threads fill their stacks by these numbers. With more threads, all together do not
/// hold more objects that they may not need.
const CROWD: usize = 64;
/// A stack that grows asks this many other stacks for slots.
const VICTIMS: usize = 8;
/// After this many flushes in a row nothing is kept for the next requests.
const PATIENCE: u16 = 4;

/// An object of a class, after a fill from the arena if the stack was empty. 0 when memory is out, or when the
/// arena or the cache cannot be entered now.
pub fn fill_and_pop(cache: &Cache, operation: Operation, class: SizeClass) -> usize {
    debug_assert!(class.has_slabs());
    if !cache.enter() {
        return 0;
    }
    cache.drop_mark(class);
    // It is not empty if a sample was due, or if a signal handler has freed something meanwhile.
    if cache.count(class) == 0 {
        cache.open();
        let batch = next_batch(cache, class);
        grow(cache, class, batch);
        if !cache.enter() {
            return 0;
        }
        fill(cache, class, batch);
    }
    fast::pop_from(cache, operation, class.bin())
}

/// How many objects the next fill of a stack is to bring.
fn next_batch(cache: &Cache, class: SizeClass) -> usize {
    let pace = cache.pace(class);
    match usize::from(pace.batch.load(Relaxed)) {
        0 => share((FIRST_BYTES / class.size()).clamp(1, BATCH_FIRST)),
        batch if pace.flushes.load(Relaxed) == 0 => {
            (batch + share(batch)).min(slots_max(class.size()) / 2).min(BATCH_MAX)
        }
        batch => batch,
    }
}

/// Fills a stack, if it is still empty, with at most `batch` objects of the home arena. The gate is closed.
fn fill(cache: &Cache, class: SizeClass, batch: usize) {
    if cache.count(class) != 0 {
        return;
    }
    let Some(mut arena) = statics::arena(cache.home()).enter(Operation::Other) else { return };
    // Under the lock, so that a fork finds each object in the arena or in the stack.
    let places = cache.places(class, cache.before_mark(class, batch.min(cache.capacity(class))));
    let taken = arena.take(class, places);
    cache.put(class, places, taken);
    cache.mark_filled(class, taken);
    let pace = cache.pace(class);
    #[expect(clippy::cast_possible_truncation, reason = "a few hundred")]
    pace.batch.store(batch as u16, Relaxed);
    pace.flushes.store(0, Relaxed);
}

/// How many objects a thread may hold without need: `objects`, or fewer where more than `CROWD` threads have caches.
fn share(objects: usize) -> usize {
    match rooms::owned() {
        ..=CROWD => objects,
        many => (objects * CROWD / many).max(1),
    }
}

/// Notes that a heap block of a class comes from the arena, as the thread's stack is empty.
pub fn missed(class: SizeClass) {
    if let Some(cache) = Cache::mine() {
        cache.pace(class).flushes.store(0, Relaxed);
    }
}

/// Makes room in a full stack: lets it grow, or gives the older part of its objects to the arena.
/// False if the arena cannot be entered now.
pub fn make_room(cache: &Cache, class: SizeClass) -> bool {
    let pace = cache.pace(class);
    let capacity = cache.capacity(class);
    let flushes = pace.flushes.load(Relaxed);
    let keep = if flushes < PATIENCE { capacity / 2 } else { 0 };
    let made = flushes == 0 && grow(cache, class, 2 * capacity) || flush(cache, class, keep);
    if made {
        // If the arena could not be entered, nothing was learnt.
        pace.flushes.store(flushes.saturating_add(1), Relaxed);
    }
    made
}

/// Lets a stack grow to at most `slots`, at the expense of other stacks if need be. False if it did not grow.
fn grow(cache: &Cache, class: SizeClass, slots: usize) -> bool {
    let slots = slots.clamp(slots_min(class.size()), slots_max(class.size()));
    let capacity = cache.capacity(class);
    if slots <= capacity {
        return false;
    }
    let affordable = || cache.affordable(class, rooms::owned());
    for _ in 0..VICTIMS {
        if affordable() >= slots {
            break;
        }
        let victim = cache.next_victim();
        if victim != class && cache.capacity(victim) > slots_min(victim.size()) && cache.is_idle(victim) {
            shrink(cache, victim);
        }
    }
    if !cache.enter() {
        return false;
    }
    let slots = slots.min(affordable());
    if slots > capacity {
        cache.set_capacity(class, slots);
    }
    cache.open();
    slots > capacity
}

/// Halves a stack's capacity, and gives all but half of the new capacity to the arena. False if the
/// arena cannot be entered now.
fn shrink(cache: &Cache, class: SizeClass) -> bool {
    let capacity = (cache.capacity(class) / 2).max(slots_min(class.size()));
    if !flush(cache, class, capacity / 2) || !cache.enter() {
        return false;
    }
    cache.set_capacity(class, capacity);
    cache.open();
    true
}

/// Gives all but the `keep` newest objects of a stack to the arena.
pub fn flush(cache: &Cache, class: SizeClass, keep: usize) -> bool {
    if !cache.enter() {
        return false;
    }
    let flushed = flush_entered(cache, class, keep);
    cache.open();
    helper_call::look(cache.home());
    flushed
}

/// The same in a cache that is entered, or halted by the calling thread.
fn flush_entered(cache: &Cache, class: SizeClass, keep: usize) -> bool {
    if cache.count(class) <= keep {
        return true;
    }
    let Some(mut arena) = statics::arena(cache.home()).enter(Operation::Other) else { return false };
    flush_into(&mut arena, cache, class, keep);
    true
}

/// The same into the home arena, which is entered, from a stack that holds more than `keep`.
fn flush_into(arena: &mut Arena<'_>, cache: &Cache, class: SizeClass, keep: usize) {
    let going = cache.older(class, keep);
    if !class.has_slabs() {
        going.iter().for_each(|slot| give(arena, slot.load(Relaxed)));
    } else {
        let mut left = going;
        while !left.is_empty() {
            let (objects, above) = cache.split_at_mark(class, left);
            arena.give_all(class, objects, report);
            left = above;
        }
    }
    cache.drop_older(class, keep);
    cache::add(&cache.flushed, going.len() as u64);
}

/// Reports an object that comes out of a cache. What is wrong with it was done while it was there.
fn report(address: usize, wrong: ObjectMisuse) {
    misuse::report(Operation::Free, address, Wrong::Object(wrong));
}

type Arena<'a> = crate::slab::arena::Entered<'a, linux::Linux>;

/// Gives an object of a slab, or a heap block, back to its arena, which is entered. What is wrong
/// with it was done while it was free.
fn give(arena: &mut Arena<'_>, address: usize) {
    match statics::PAGE_MAP.slab_entry(address) {
        Some(_) => {
            if let Err(wrong) = arena.give(address) {
                report(address, wrong);
            }
        }
        None => {
            if let (Err(wrong), Some(region)) = (arena.free(address), statics::PAGE_MAP.get(address)) {
                misuse::report(Operation::Free, address, Wrong::Block(region, wrong));
            }
        }
    }
}

/// Puts an object of another arena's slab into the remote buffer, after sending a full buffer home.
/// False if that is not possible now.
pub fn push_remote_with_room(cache: &Cache, address: usize) -> bool {
    if !cache.enter() {
        return false;
    }
    if cache.remote().len() == cache::REMOTE {
        send_home(cache);
    }
    // SAFETY: `route::release` has found the object, which is freed just now.
    #[expect(unsafe_code, reason = "it is an object")]
    let room = unsafe { cache.buffer_remote(address) };
    if room {
        cache.aim(address);
    }
    cache.open();
    room
}

/// Gives the objects in the remote buffer to their arenas. The gate is closed.
fn send_home(cache: &Cache) {
    while let Some(first) = cache.remote().first() {
        let home = arena_of(first.load(Relaxed));
        let Some(mut arena) = statics::arena(home).enter(Operation::Other) else { return };
        let (sent, kept) = (cache.remote().len(), arena.give_own(cache.remote(), report));
        // Under the lock: see `fill`.
        cache.set_remote_count(kept);
        cache::add(&cache.sent_home, (sent - kept) as u64);
        drop(arena);
        helper_call::look(home);
    }
}

/// Gives objects back to their arenas.
///
/// # Safety
/// They are objects, each named once, which neither the program nor a cache has.
#[expect(unsafe_code, reason = "they are believed to be objects")]
pub unsafe fn give_home(objects: &[AtomicUsize]) {
    let mut count = objects.len();
    while let Some(first) = objects[..count].first() {
        let address = first.load(Relaxed);
        let arena = statics::arena(arena_of(address));
        count = match arena.enter(Operation::Other) {
            Some(mut arena) => arena.give_own(&objects[..count], report),
            None => {
                // SAFETY: an object that neither the program nor a cache has.
                unsafe { arena.defer(address) };
                first.store(objects[count - 1].load(Relaxed), Relaxed);
                count - 1
            }
        };
        helper_call::look(arena_of(address));
    }
}

fn arena_of(address: usize) -> usize {
    statics::PAGE_MAP.slab_entry(address).map_or(0, Entry::arena)
}

/// Gives everything in a cache to the arenas, and resets its stacks. The cache is entered, or halted
/// by the calling thread. A stack that took hundreds of objects before its next flush would keep as
/// many pages, and call no helper for them.
pub fn empty(cache: &Cache) {
    if let Some(mut arena) = statics::arena(cache.home()).enter(Operation::Other) {
        let used = SizeClass::all().filter(|&class| cache.count(class) != 0);
        used.for_each(|class| flush_into(&mut arena, cache, class, 0));
    }
    send_home(cache);
    cache.begin_stacks();
}

/// Empties a cache on its own thread.
pub fn flush_all(cache: &Cache) {
    cache.enter_at_last();
    empty(cache);
    cache.open();
    helper_call::look(cache.home());
}
