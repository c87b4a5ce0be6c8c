//! The quarantine: freed blocks wait here, filled, before their memory is used again. So a write to
//! one is noticed when it leaves. An object that has left is first offered to calls that ask for
//! its class. That saves its way to the arena and back.
//!
//! A block first takes a random place among some. The block that was there goes to the end of a queue.
//! So it cannot be told after how many frees an address comes back. There is a shard for each arena. No
//! call waits for its lock: a call that finds all shards taken, as a signal handler may, does without.

#![allow(unsafe_code)]

use crate::base::class::{SLAB_CLASSES, SizeClass};
use crate::base::config::ARENAS_MAX;
use crate::base::operation::Operation;
use crate::base::shared::{AtomicU64, AtomicUsize};
use crate::base::{align, checksum, pointer};
use crate::cache::cache::add;
use crate::cache::{count, refill};
use crate::process::{options, statics};
use crate::report::trailer::{self, CheckedBlock, Facts};
use crate::report::{checked_block, fault};
use crate::sys::linux::Linux;
use crate::sys::lock::FutexLock;
use crate::sys::pages::PageSource;
use crate::sys::{mmap, valgrind};
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;
use lock_api::RawMutex;

/// What freed bytes are filled with.
pub const FREED: u8 = trailer::FILL;
/// The most objects of a class that are ready, and their bytes.
const READY: usize = 32;
const READY_BYTES: usize = 64 << 10;
/// This many blocks leave at a time. Where no object is ready, this many are made ready.
const BATCH: usize = 8;
/// The number of random places.
pub const SHUFFLED: usize = 256;
/// The most blocks in a queue.
pub const QUEUED: usize = 8192;
/// Blocks from this size on give their pages back to the system while they wait.
const LARGE: usize = 64 << 10;
/// The most blocks with untouchable pages. Each is one more mapping for the kernel, which allows 65,530.
const PROTECTED_MAX: usize = 8192;
/// No block: what new memory says.
const NO_BLOCK: CheckedBlock = CheckedBlock { start: 0, end: 0 };
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

/// What waits. All of it is atomics: it is written to under the shard's lock, and read without it by fault handlers.
pub struct Queue {
    /// The blocks in random places; `NO_BLOCK` in the other places.
    pub(super) shuffled: [Waiting; SHUFFLED],
    pub(super) queued: [Waiting; QUEUED],
    pub(super) first: AtomicUsize,
    pub(super) count: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) random: AtomicU64,
    /// Objects that are ready, by class.
    pub(super) ready: [Ready; SLAB_CLASSES],
}

/// Room for a block. A read without the lock may find the start of one block and the end of another.
pub struct Waiting {
    pub(super) start: AtomicUsize,
    pub(super) end: AtomicUsize,
}

impl Waiting {
    fn get(&self) -> CheckedBlock {
        CheckedBlock { start: self.start.load(Relaxed), end: self.end.load(Relaxed) }
    }

    /// Puts a block there, and returns what was there.
    fn replace(&self, block: CheckedBlock) -> CheckedBlock {
        let before = self.get();
        self.start.store(block.start, Relaxed);
        self.end.store(block.end, Relaxed);
        before
    }
}

/// An object of a slab that is neither in use nor waiting.
#[derive(Clone, Copy)]
pub struct Vacant {
    /// Its address.
    pub object: usize,
    /// Its class.
    pub class: SizeClass,
}

/// Objects of a class that are ready.
pub struct Ready {
    pub(super) count: AtomicUsize,
    pub(super) objects: [AtomicUsize; READY],
}

/// What waits of one arena's blocks.
pub struct Shard {
    pub(super) lock: FutexLock,
    /// The address of the queue; 0 before the first block. Guarded by the lock.
    pub(super) queue: AtomicUsize,
    /// Calls that were served or put away here. Written under the lock, where counting costs nothing more.
    pub(super) calls: [AtomicU64; Operation::COUNT],
}

/// All shards.
pub static SHARDS: [Shard; ARENAS_MAX] = [const {
    Shard { lock: FutexLock::INIT, queue: AtomicUsize::new(0), calls: [const { AtomicU64::new(0) }; Operation::COUNT] }
}; ARENAS_MAX];

impl Shard {
    /// The shard's queue, if there is memory for one. The caller holds the lock.
    fn queue(&self) -> Option<&'static Queue> {
        if self.queue.load(Relaxed) == 0 {
            let bytes = align::up(size_of::<Queue>(), mmap::page_size());
            self.queue.store(Linux.map_guarded(bytes, mmap::page_size())?, Relaxed);
        }
        self.queue_if_any()
    }

    /// The shard's queue, if there is one by now.
    fn queue_if_any(&self) -> Option<&'static Queue> {
        // SAFETY: the memory starts as zeroes, an empty queue. It stays, and all of it is atomics.
        unsafe { pointer::at::<Queue>(self.queue.load(Relaxed)).as_ref() }
    }
}

impl Queue {
    fn random(&self) -> u64 {
        let mut random = self.random.load(Relaxed);
        if random == 0 {
            random = checksum::secret() ^ core::ptr::from_ref(self).addr() as u64 | 1;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.store(random, Relaxed);
        random
    }

    fn weigh_more(&self, block: CheckedBlock) {
        self.bytes.store(self.bytes.load(Relaxed) + weight(block), Relaxed);
    }

    fn weigh_less(&self, block: CheckedBlock) {
        self.bytes.store(self.bytes.load(Relaxed) - weight(block), Relaxed);
    }

    fn push(&self, block: CheckedBlock) {
        self.weigh_more(block);
        #[expect(clippy::cast_possible_truncation, reason = "an index")]
        let place = self.random() as usize % SHUFFLED;
        let shuffled = self.shuffled[place].replace(block);
        if shuffled != NO_BLOCK {
            let count = self.count.load(Relaxed);
            self.queued[(self.first.load(Relaxed) + count) % QUEUED].replace(shuffled);
            self.count.store(count + 1, Relaxed);
        }
    }

    fn pop(&self) -> Option<CheckedBlock> {
        let first = self.first.load(Relaxed);
        self.count.store(self.count.load(Relaxed).checked_sub(1)?, Relaxed);
        // The place is cleared: a search for leaks that reads it would take a stale address for a pointer.
        let block = self.queued[first].replace(NO_BLOCK);
        self.first.store((first + 1) % QUEUED, Relaxed);
        self.weigh_less(block);
        Some(block)
    }

    /// Takes a block from one of the random places.
    fn pop_shuffled(&self) -> Option<CheckedBlock> {
        let block = self.shuffled.iter().find(|place| place.get() != NO_BLOCK)?.replace(NO_BLOCK);
        self.weigh_less(block);
        Some(block)
    }

    /// Takes some blocks that have to make room, if any have to.
    fn leaving(&self) -> Option<[CheckedBlock; BATCH]> {
        // Each arena's shard has the same share of the bytes that may wait.
        let (bytes, count) = (self.bytes.load(Relaxed), self.count.load(Relaxed));
        let is_full = bytes * statics::arena_count().max(1) > options::quarantine() || count >= QUEUED - 1;
        (is_full && count != 0).then(|| {
            let mut blocks = [NO_BLOCK; BATCH];
            blocks.fill_with(|| self.pop().unwrap_or(NO_BLOCK));
            blocks
        })
    }

    /// Makes objects ready. Those that are too many stay in `objects`.
    fn offer(&self, objects: &mut [Option<Vacant>]) {
        for place in objects {
            let Some(Vacant { object, class }) = *place else { continue };
            let ready = &self.ready[class.index()];
            let count = ready.count.load(Relaxed);
            if count < ready_max(class) {
                ready.objects[count].store(object, Relaxed);
                ready.count.store(count + 1, Relaxed);
                *place = None;
            }
        }
    }

    fn take_ready(&self, class: SizeClass) -> Option<usize> {
        let random = self.random();
        let ready = &self.ready[class.index()];
        let last = ready.count.load(Relaxed).checked_sub(1)?;
        ready.count.store(last, Relaxed);
        // Any of them, so that it cannot be told which.
        #[expect(clippy::cast_possible_truncation, reason = "an index")]
        let any = &ready.objects[random as usize % (last + 1)];
        let object = any.load(Relaxed);
        any.store(ready.objects[last].load(Relaxed), Relaxed);
        ready.objects[last].store(0, Relaxed);
        Some(object)
    }

    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        let first = self.first.load(Relaxed);
        let queued = (0..self.count.load(Relaxed).min(QUEUED)).map(move |index| &self.queued[(first + index) % QUEUED]);
        queued.chain(&self.shuffled).map(Waiting::get).filter(|&block| block != NO_BLOCK).map(|block| block.start)
    }
}

/// Calls `f` with the first shard from `home` on whose lock is free just now.
#[inline(always)]
fn with_shard<R>(home: usize, f: impl FnOnce(&Shard, &Queue) -> R) -> Option<R> {
    let shard =
        (0..ARENAS_MAX).map(|index| &SHARDS[(home + index) % ARENAS_MAX]).find(|shard| shard.lock.try_lock())?;
    let result = shard.queue().map(|queue| f(shard, queue));
    // SAFETY: taken above.
    unsafe { shard.lock.unlock() };
    result
}

/// What a block counts for. Larger ones count no more, as their pages go back to the system while they wait.
fn weight(block: CheckedBlock) -> usize {
    (block.end - block.start).min(LARGE)
}

/// The most objects of a class that are ready.
fn ready_max(class: SizeClass) -> usize {
    (READY_BYTES / class.size()).min(READY)
}

/// What becomes of a block that leaves, by its start. A whole object goes to the caller, other blocks are given back.
pub type Leave = fn(usize) -> Option<Vacant>;

/// Takes a block that a call has freed just now. If no shard can be had, the block leaves at once.
pub fn put(operation: Operation, home: usize, block: CheckedBlock, facts: Facts, leave: Leave) {
    close(block, facts);
    let leaving = with_shard(home, |shard, queue| {
        add(&shard.calls[operation as usize], 1);
        queue.push(block);
        queue.leaving()
    });
    let Some(mut leaving) = leaving else {
        count::count(operation);
        return give_back(&[leave(block.start)]);
    };
    // They are looked at without the lock. Several leave at a time, so most calls have nothing to do here.
    while let Some(blocks) = leaving {
        // None was touched for long, so the processor fetches the words at their ends together.
        blocks.iter().filter(|&&block| block != NO_BLOCK).for_each(|block| block.touch());
        let mut objects = blocks.map(|block| if block == NO_BLOCK { None } else { leave(block.start) });
        let next = with_shard(home, |_, queue| {
            queue.offer(&mut objects);
            queue.leaving()
        });
        give_back(&objects);
        leaving = next.flatten();
    }
}

/// Gives objects back to their arenas.
fn give_back(objects: &[Option<Vacant>]) {
    let (addresses, mut count) = ([const { AtomicUsize::new(0) }; BATCH], 0);
    for Vacant { object, .. } in objects.iter().flatten() {
        addresses[count].store(*object, Relaxed);
        count += 1;
    }
    // SAFETY: the objects have left the quarantine, where each was once, and their slabs have them as in use.
    unsafe { refill::give_home(&addresses[..count]) };
}

/// An object of a class for a call. It is vacant, and its last word says so.
pub fn take_ready(operation: Operation, home: usize, class: SizeClass) -> Option<usize> {
    let taken = with_shard(home, |shard, queue| {
        let object = queue.take_ready(class)?;
        add(&shard.calls[operation as usize], 1);
        Some(object)
    });
    taken.flatten().or_else(|| {
        let object = make_ready(home, class)?;
        count::count(operation);
        Some(object)
    })
}

/// The same, from the arena, with some more for the next calls.
#[cold]
fn make_ready(home: usize, class: SizeClass) -> Option<usize> {
    let places = [const { AtomicUsize::new(0) }; BATCH];
    statics::arena(home).enter(Operation::Other)?.take(class, &places[..BATCH.min(ready_max(class))]);
    let mut objects = places.map(|place| match place.load(Relaxed) {
        0 => None,
        object => Some(Vacant { object, class }),
    });
    // Their last words may be gone with a page that was given back.
    objects.iter().flatten().for_each(|vacant| checked_block::block_of(vacant.object, class).end());
    let first = objects.iter_mut().rev().find_map(Option::take)?;
    with_shard(home, |_, queue| queue.offer(&mut objects));
    give_back(&objects);
    Some(first.object)
}

/// Adds the calls that were served or put away here, by `Operation as usize`.
pub fn add_calls(sums: &mut [u64; Operation::COUNT]) {
    for shard in &SHARDS {
        sums.iter_mut().zip(&shard.calls).for_each(|(sum, calls)| *sum += calls.load(Relaxed));
    }
}

/// Empties the quarantine as far as it can be had, as memory is short.
pub fn drain(leave: Leave) {
    for home in 0..ARENAS_MAX {
        for class in SizeClass::slabs() {
            while let Some(Some(object)) = with_shard(home, |_, queue| queue.take_ready(class)) {
                give_back(&[Some(Vacant { object, class })]);
            }
        }
        while let Some(Some(block)) = with_shard(home, |_, queue| queue.pop().or_else(|| queue.pop_shuffled())) {
            give_back(&[leave(block.start)]);
        }
    }
}

/// A waiting block for which `f` returns true. Takes no lock: a fault handler must not wait. It may
/// miss blocks that other threads move meanwhile.
pub fn find(f: impl Fn(&CheckedBlock) -> bool) -> Option<CheckedBlock> {
    // Each address that is read is looked up before it is believed.
    let blocks = SHARDS.iter().filter_map(Shard::queue_if_any).flat_map(Queue::all);
    blocks.filter_map(checked_block::extent).find(f)
}

/// Calls `f` with all blocks that wait. Leaves out shards on which other threads are at work.
pub fn for_each(mut f: impl FnMut(usize)) {
    for shard in &SHARDS {
        if shard.lock.try_lock() {
            shard.queue_if_any().into_iter().for_each(|queue| queue.all().for_each(&mut f));
            // SAFETY: taken above.
            unsafe { shard.lock.unlock() };
        }
    }
}

/// The whole pages that a block has for itself.
fn pages(block: CheckedBlock) -> Option<Range<usize>> {
    let page = mmap::page_size();
    let filled = block.filled();
    let pages = align::up(filled.start, page)..align::down(filled.end, page);
    (pages.start < pages.end).then_some(pages)
}

/// Fills a freed block, and makes its whole pages untouchable.
fn close(block: CheckedBlock, facts: Facts) {
    if valgrind::listens() {
        return;
    }
    let filled = block.filled();
    let hidden =
        pages(block).filter(|pages| PROTECTED.load(Relaxed) < PROTECTED_MAX && mmap::forbid(pages.start, pages.len()));
    match hidden {
        Some(pages) => {
            PROTECTED.fetch_add(1, Relaxed);
            fault::watch();
            if pages.len() >= LARGE {
                // SAFETY: no code needs what is in a freed block.
                unsafe { Linux.purge(pages.start, pages.len()) };
            }
            block.hide(facts);
            fill(filled.start..pages.start, FREED);
            fill(pages.end..filled.end, FREED);
        }
        None => fill(filled, FREED),
    }
}

/// Makes the pages of a leaving block usable again. Returns false if they cannot be had back.
pub fn open(block: CheckedBlock, facts: Facts) -> bool {
    let Some(pages) = pages(block).filter(|_| facts.hidden) else { return true };
    let opened = mmap::permit(pages.start, pages.len());
    if opened {
        PROTECTED.fetch_sub(1, Relaxed);
    }
    opened
}

/// The first byte of a freed block that was written to.
pub fn written(block: CheckedBlock, facts: Facts) -> Option<usize> {
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
    unsafe { pointer::at_mut::<u8>(bytes.start).write_bytes(with, bytes.len()) };
}

/// The first of some bytes of a freed block that has changed.
pub fn changed(bytes: Range<usize>) -> Option<usize> {
    let slice: &[u8] =
        // SAFETY: bytes of a block of ours that no code may write to.
        unsafe { core::slice::from_raw_parts(pointer::at(bytes.start), bytes.len()) };
    // Compares eight words at a time, which the compiler does not do for the search.
    let (lines, rest) = slice.as_chunks::<64>();
    let (words, tail) = rest.as_chunks::<8>();
    let is_whole = lines.iter().all(|line| *line == [FREED; 64])
        && words.iter().all(|word| *word == [FREED; 8])
        && tail.iter().all(|&byte| byte == FREED);
    if is_whole { None } else { slice.iter().position(|&byte| byte != FREED).map(|index| bytes.start + index) }
}

/// All shards where blocks are checked, else none.
fn shards() -> impl Iterator<Item = &'static Shard> {
    SHARDS.iter().take(if options::checked() { ARENAS_MAX } else { 0 })
}

/// Called before a fork: waits until no thread is at work on a shard, and keeps all out.
pub fn freeze(interrupted: bool) {
    shards().for_each(|shard| shard.lock.freeze(interrupted));
}

/// Called after a fork, in the parent: lets threads in again.
pub fn thaw() {
    shards().for_each(|shard| shard.lock.thaw());
}

/// Called after a fork, in the child: lets threads in again.
pub fn thaw_in_child() {
    shards().for_each(|shard| {
        shard.lock.thaw_in_child();
    });
}
