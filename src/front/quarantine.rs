//! The quarantine: freed blocks wait here before their memory is used again, filled, so that a write to one is noticed
//! when it leaves. An object of a slab that has left is first offered to who asks for one of its class: that saves its way to the arena and back.
//!
//! A block first takes a random place among some, and who was there goes to the end of a queue: so nobody can tell after how many frees
//! an address comes back. There is a shard for each arena. Nobody waits for its lock: who finds all shards taken, as a signal handler may,
//! goes without.

#![allow(unsafe_code)]

use super::trailer::{Block, Facts};
use super::{fault, options, watch};
use crate::base::align;
use crate::base::class::{SLAB_CLASSES, SizeClass};
use crate::base::config::ARENAS_MAX;
use crate::base::seal;
use crate::sys::linux::{self, Linux};
use crate::sys::lock::FutexLock;
use crate::sys::pages::PageSource;
use crate::sys::valgrind;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use lock_api::RawMutex;

/// What freed bytes are.
pub const FREED: u8 = 0x5a;
const FREED_WORD: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Objects of a class that are ready, at most, and their bytes.
const READY: usize = 32;
const READY_BYTES: usize = 64 << 10;
/// So many may leave at a time.
const LEAVING: usize = 4;
/// Places that are taken at random.
const SHUFFLED: usize = 256;
/// The most blocks in a queue.
const QUEUED: usize = 8192;
/// Blocks from this size on give their pages back to the system while they wait.
const LARGE: usize = 64 << 10;
/// Blocks whose pages nobody may touch, at most: each is a mapping more for the kernel, which allows 65,530.
const PROTECTED_MAX: usize = 8192;

static PROTECTED: AtomicUsize = AtomicUsize::new(0);

struct Queue {
    shuffled: [usize; SHUFFLED],
    queued: [usize; QUEUED],
    first: usize,
    count: usize,
    bytes: usize,
    random: u64,
    /// Objects that have left, by class.
    ready: [Ready; SLAB_CLASSES],
}

struct Ready {
    count: usize,
    objects: [usize; READY],
}

struct Shard {
    lock: FutexLock,
    /// The address of its queue, 0 before the first block. Guarded by the lock.
    queue: AtomicUsize,
}

static SHARDS: [Shard; ARENAS_MAX] =
    [const { Shard { lock: FutexLock::INIT, queue: AtomicUsize::new(0) } }; ARENAS_MAX];

impl Shard {
    /// Its queue, if there is memory for one. The caller holds the lock.
    #[expect(clippy::mut_from_ref, reason = "who holds the lock is alone")]
    fn queue(&self) -> Option<&mut Queue> {
        if self.queue.load(Relaxed) == 0 {
            let bytes = align::up(size_of::<Queue>(), linux::page_size());
            self.queue.store(Linux.map_guarded(bytes, linux::page_size())?, Relaxed);
        }
        // SAFETY: new memory of zeroes is an empty queue, which stays, and the lock is held.
        unsafe { core::ptr::with_exposed_provenance_mut::<Queue>(self.queue.load(Relaxed)).as_mut() }
    }
}

impl Queue {
    fn random(&mut self) -> u64 {
        if self.random == 0 {
            self.random = seal::secret() ^ core::ptr::from_ref(self).addr() as u64 | 1;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn push(&mut self, block: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "an index")]
        let place = self.random() as usize % SHUFFLED;
        let shuffled = core::mem::replace(&mut self.shuffled[place], block);
        if shuffled != 0 {
            self.queued[(self.first + self.count) % QUEUED] = shuffled;
            self.count += 1;
        }
    }

    fn pop(&mut self) -> Option<usize> {
        self.count = self.count.checked_sub(1)?;
        // Nothing is left: a search for leaks would take it for a pointer.
        let block = core::mem::take(&mut self.queued[self.first]);
        self.first = (self.first + 1) % QUEUED;
        Some(block)
    }

    /// One of those that wait at a random place.
    fn pop_shuffled(&mut self) -> Option<usize> {
        self.shuffled.iter_mut().find(|block| **block != 0).map(core::mem::take)
    }

    /// Counts a block as gone.
    fn forget(&mut self, block: usize) {
        self.bytes = self.bytes.saturating_sub(watch::extent(block).map_or(0, weight));
    }

    fn offer(&mut self, class: SizeClass, object: usize) -> bool {
        let ready = &mut self.ready[class.index()];
        let room = ready.count < (READY_BYTES / class.size()).min(READY);
        if room {
            ready.objects[ready.count] = object;
            ready.count += 1;
        }
        room
    }

    fn take_ready(&mut self, class: SizeClass) -> Option<usize> {
        let random = self.random();
        let ready = &mut self.ready[class.index()];
        ready.count = ready.count.checked_sub(1)?;
        // Any of them, so that nobody can tell which.
        #[expect(clippy::cast_possible_truncation, reason = "an index")]
        ready.objects.swap(random as usize % (ready.count + 1), ready.count);
        Some(core::mem::take(&mut ready.objects[ready.count]))
    }

    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        let queued = (0..self.count).map(|index| self.queued[(self.first + index) % QUEUED]);
        queued.chain(self.shuffled.iter().copied().filter(|&block| block != 0))
    }
}

/// Calls `f` with the first shard from `home` on that is free just now.
fn with_shard<R>(home: usize, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
    let shard =
        (0..ARENAS_MAX).map(|index| &SHARDS[(home + index) % ARENAS_MAX]).find(|shard| shard.lock.try_lock())?;
    let result = shard.queue().map(f);
    // SAFETY: taken above.
    unsafe { shard.lock.unlock() };
    result
}

/// Bytes that wait in one shard.
fn share() -> usize {
    options::quarantine() / super::runtime::arena_count().max(1)
}

/// What a block counts for: the pages of larger ones go back to the system while they wait.
fn weight(block: Block) -> usize {
    (block.end - block.start).min(LARGE)
}

/// Takes a block that was freed just now. False if it cannot wait here.
pub fn put(home: usize, block: Block, facts: Facts) -> bool {
    close(block, facts);
    let most = share();
    // What leaves is looked at and released without the lock. A few more leave than come, so that as a rule none has to be asked for again.
    let leaving = with_shard(home, |queue| {
        queue.push(block.start);
        queue.bytes += weight(block);
        let (mut some, mut count) = ([0; LEAVING], 0);
        while count < LEAVING
            && let Some(address) = leaving(queue, most)
        {
            some[count] = address;
            count += 1;
        }
        (some, count)
    });
    let Some((some, count)) = leaving else { return false };
    some[..count].iter().copied().for_each(watch::leave);
    while count == LEAVING
        && let Some(Some(address)) = with_shard(home, |queue| self::leaving(queue, most))
    {
        watch::leave(address);
    }
    true
}

/// A block that has to make room.
fn leaving(queue: &mut Queue, most: usize) -> Option<usize> {
    if queue.bytes <= most && queue.count < QUEUED - 1 {
        return None;
    }
    let address = queue.pop()?;
    queue.forget(address);
    Some(address)
}

/// Any block, where all have to go.
fn any(queue: &mut Queue) -> Option<usize> {
    let address = queue.pop().or_else(|| queue.pop_shuffled())?;
    queue.forget(address);
    Some(address)
}

/// Offers an object that has left to who asks for one of its class. False if enough are ready.
pub fn offer(home: usize, class: SizeClass, object: usize) -> bool {
    with_shard(home, |queue| queue.offer(class, object)).unwrap_or(false)
}

/// An object of a class that has left.
pub fn take_ready(home: usize, class: SizeClass) -> Option<usize> {
    with_shard(home, |queue| queue.take_ready(class)).flatten()
}

/// Lets all blocks go that can be had: memory is short.
pub fn drain() {
    for home in 0..ARENAS_MAX {
        for class in SizeClass::slabs() {
            while let Some(object) = take_ready(home, class) {
                watch::give(object);
            }
        }
        while let Some(Some(address)) = with_shard(home, any) {
            watch::leave(address);
        }
    }
}

/// A block that waits and that `f` says yes to. Takes no lock: in a fault nothing may be waited for, and what other threads move meanwhile may be missed.
pub fn find(f: impl Fn(&Block) -> bool) -> Option<Block> {
    SHARDS.iter().find_map(|shard| {
        // SAFETY: the queue's memory stays; whatever is read from it is looked up before it is believed.
        let queue = unsafe { core::ptr::with_exposed_provenance::<Queue>(shard.queue.load(Relaxed)).as_ref() }?;
        queue.all().filter_map(watch::extent).find(&f)
    })
}

/// Calls `f` with all blocks that wait. What other threads are at work on is left out.
pub fn for_each(mut f: impl FnMut(usize)) {
    for shard in &SHARDS {
        if shard.lock.try_lock() {
            if shard.queue.load(Relaxed) != 0 {
                shard.queue().into_iter().for_each(|queue| queue.all().for_each(&mut f));
            }
            // SAFETY: taken above.
            unsafe { shard.lock.unlock() };
        }
    }
}

/// The whole pages that a block has for itself.
fn pages(block: Block) -> Option<Range<usize>> {
    let page = linux::page_size();
    let filled = block.filled();
    let pages = align::up(filled.start, page)..align::down(filled.end, page);
    (pages.start < pages.end).then_some(pages)
}

/// Fills a freed block, and makes its whole pages untouchable.
fn close(block: Block, facts: Facts) {
    if valgrind::listens() {
        return;
    }
    let filled = block.filled();
    let hidden =
        pages(block).filter(|pages| PROTECTED.load(Relaxed) < PROTECTED_MAX && linux::forbid(pages.start, pages.len()));
    match hidden {
        Some(pages) => {
            PROTECTED.fetch_add(1, Relaxed);
            fault::watch();
            if pages.len() >= LARGE {
                // SAFETY: nobody needs what is in a freed block.
                unsafe { Linux.purge(pages.start, pages.len()) };
            }
            block.hide(facts);
            fill(filled.start..pages.start, FREED);
            fill(pages.end..filled.end, FREED);
        }
        None => fill(filled, FREED),
    }
}

/// Makes the pages of a block that leaves usable again. False if they cannot be had back.
pub fn open(block: Block, facts: Facts) -> bool {
    let Some(pages) = pages(block).filter(|_| facts.hidden) else { return true };
    let opened = linux::permit(pages.start, pages.len());
    if opened {
        PROTECTED.fetch_sub(1, Relaxed);
    }
    opened
}

/// The first byte of a freed block that was written to.
pub fn written(block: Block, facts: Facts) -> Option<usize> {
    if valgrind::listens() {
        return None;
    }
    let filled = block.filled();
    match pages(block).filter(|_| facts.hidden) {
        Some(pages) => changed(filled.start..pages.start).or_else(|| changed(pages.end..filled.end)),
        None => changed(filled),
    }
}

fn fill(bytes: Range<usize>, with: u8) {
    // SAFETY: bytes of a block of ours.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(bytes.start).write_bytes(with, bytes.len()) };
}

/// The first of some bytes of a freed block that is not as it was left.
fn changed(bytes: Range<usize>) -> Option<usize> {
    let slice: &[u8] =
        // SAFETY: bytes of a block of ours that nobody is to write to.
        unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(bytes.start), bytes.len()) };
    // SAFETY: any bytes are words.
    let (head, words, tail) = unsafe { slice.align_to::<u64>() };
    let whole = head.iter().chain(tail).all(|&byte| byte == FREED) && words.iter().all(|&word| word == FREED_WORD);
    if whole { None } else { slice.iter().position(|&byte| byte != FREED).map(|index| bytes.start + index) }
}

/// Before fork: takes all shards.
pub fn hold_for_fork() {
    SHARDS.iter().for_each(|shard| shard.lock.hold_for_fork());
}

/// After fork, in the parent and in the child.
pub fn release_after_fork() {
    SHARDS.iter().for_each(|shard| shard.lock.release_after_fork());
}

/// In a forked child: its thread has another number.
pub fn adopt(old: u32, new: u32) {
    SHARDS.iter().for_each(|shard| shard.lock.adopt(old, new));
}
