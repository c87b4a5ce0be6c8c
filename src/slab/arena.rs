//! An arena: one heap, its bins of slabs, their lock, and what reaches it while the lock cannot be taken.
//!
//! Three callers cannot have the lock and must not wait for it: `enter` turns them away. What they allocate
//! comes from elsewhere. What they free waits in the chain of deferred frees, which the next operation empties:
//! - a signal handler that has interrupted an operation: the heap is half changed. It may not wait for another
//!   arena's lock either: the owner of that lock may be in a signal handler too, waiting for this thread;
//! - a thread that comes while a fork has the arena frozen (`sys::lock`): the fork may wait for what this thread holds;
//! - a fork handler of another library that runs on the forking thread between the fork handlers of
//!   metes. In the child the arenas are then still frozen.

#![allow(unsafe_code)]

use super::bins::{Bins, Free, SlabFigures};
use super::metadata::Metadata;
use super::misuse::ObjectMisuse;
use super::purge::Purged;
use crate::base::class::SizeClass;
use crate::base::code::Code;
use crate::base::config::UNIT;
use crate::base::operation::Operation;
use crate::base::shared::{AtomicBool, AtomicU64, AtomicUsize};
use crate::heap::block;
use crate::heap::check::Broken;
use crate::heap::heap::{Fresh, Heap};
use crate::heap::page_map::PageMap;
use crate::heap::range_record::RecordPool;
use crate::sys::lock::FutexLock;
use crate::sys::pages::PageSource;
use crate::sys::{sanitizer, thread};
use crate::trace::report;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{Ordering, compiler_fence};
use lock_api::RawMutex;

/// How many bytes a step looks at in slabs, or gives back. Other threads wait for the lock meanwhile.
const PURGE_STEP: usize = 4 << 20;
const TRIM_STEP: usize = 16 << 20;

/// How far a trim in steps has come.
#[derive(Clone, Copy)]
pub enum Trimmed {
    /// Nothing is done yet.
    Nothing,
    /// No slab is parked.
    Unparked,
    /// The heap's free blocks are done.
    Heap,
    /// Small holes are parked, and slabs are purged up to here.
    Slabs(Purged),
}

/// What the lock guards.
pub(super) struct Inside<S: PageSource + 'static> {
    pub(super) heap: Heap<S>,
    pub(super) bins: Bins,
}

/// An arena.
pub struct Arena<S: PageSource + 'static> {
    pub(super) lock: FutexLock,
    pub(super) inside: UnsafeCell<Inside<S>>,
    /// Whether no fork freezes the arena. A fork may then leave a thread behind inside it.
    aside: AtomicBool,
    /// How often the arena was entered. Guarded by the lock.
    pub(super) entries: AtomicU64,
    /// Whether freed memory waits to be given back.
    waiting: AtomicBool,
    /// The first block in the chain of deferred frees; 0 if there is none.
    deferred: AtomicUsize,
}

// SAFETY: `inside` is for whoever has the lock.
unsafe impl<S: PageSource + Send + 'static> Sync for Arena<S> {}

impl<S: PageSource + 'static> Arena<S> {
    /// An arena with an empty heap, all zero except for the source. `Entered::init` comes next.
    pub const fn new(source: S) -> Self {
        Self {
            lock: FutexLock::INIT,
            inside: UnsafeCell::new(Inside { heap: Heap::new(source), bins: Bins::empty() }),
            aside: AtomicBool::new(false),
            entries: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            deferred: AtomicUsize::new(0),
        }
    }

    /// Sets the rank of the arena's lock.
    pub fn set_rank(&self, rank: u32) {
        self.lock.set_rank(rank);
    }

    /// Takes the heap for one operation; `None` if the calling thread must not wait for it: see the module.
    #[inline]
    pub fn enter(&self, operation: Operation) -> Option<Entered<'_, S>> {
        let was_inside = thread::set_in_operation(true);
        compiler_fence(Ordering::SeqCst);
        let lock = &self.lock;
        let taken = match self.aside.load(Ordering::Relaxed) {
            _ if was_inside || thread::is_forking() => lock.try_lock(),
            false => lock.lock_unless_frozen(),
            true => lock.lock_soon(),
        };
        if !taken {
            thread::set_turned_away(true);
            thread::set_in_operation(was_inside);
            return None;
        }
        sanitizer::acquired(self);
        self.entries.store(self.entries.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let mut entered = Entered { arena: self, was_inside };
        entered.inside().heap.set_operation(operation);
        if self.deferred.load(Ordering::Relaxed) != 0 {
            entered.free_deferred();
        }
        Some(entered)
    }

    /// How often the arena was entered, and how often a thread had to wait for it.
    pub fn entries(&self) -> (u64, u64) {
        (self.entries.load(Ordering::Relaxed), self.lock.waits())
    }

    /// Whether freed memory waits to be given back.
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Leaves a block for the next operation to free. Can be called in a signal handler.
    ///
    /// # Safety
    /// A block or an object of the arena is at the address, and nothing uses it any more.
    pub unsafe fn defer(&self, block: usize) {
        let mut first = self.deferred.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller's promise.
            unsafe { block::set_chained(block, first) };
            match self.deferred.compare_exchange_weak(first, block, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// The same, for a caller that wants figures only, or can wait: waits for a fork, for a bounded time.
    pub fn enter_patiently(&self, operation: Operation) -> Option<Entered<'_, S>> {
        self.enter(operation).or_else(|| {
            if thread::is_in_operation() {
                return None;
            }
            self.wait_for_thaw();
            self.enter(operation)
        })
    }

    /// Makes this arena one that no fork freezes.
    pub fn set_aside(&self) {
        self.aside.store(true, Ordering::Relaxed);
    }

    /// Before fork: waits for the thread that is inside, and keeps all threads out. If the calling thread has
    /// interrupted its own operation in this arena, that operation stays as it is: see `FutexLock::freeze`.
    pub fn freeze(&self, interrupted: bool) {
        self.lock.freeze(interrupted);
    }

    /// After fork, in the parent.
    pub fn thaw(&self) {
        self.lock.thaw();
    }

    /// After fork, in the child. An arena that was not frozen, with a thread inside that was left
    /// behind, is shut for good. Returns whether that is so.
    pub fn thaw_in_child(&self) -> bool {
        self.lock.thaw_in_child()
    }

    /// Waits for a fork that keeps threads out, for a bounded time. For a caller that would otherwise have to fail.
    pub fn wait_for_thaw(&self) {
        self.lock.wait_for_thaw();
    }
}

/// An arena that a thread has entered for one operation.
pub struct Entered<'a, S: PageSource + 'static> {
    arena: &'a Arena<S>,
    was_inside: bool,
}

impl<S: PageSource + 'static> Entered<'_, S> {
    fn inside(&mut self) -> &mut Inside<S> {
        // SAFETY: this thread holds the lock, which it takes only once.
        unsafe { &mut *self.arena.inside.get() }
    }

    /// Sets where the arena's regions and slabs are recorded.
    pub fn init(&mut self, map: &'static PageMap, records: &'static RecordPool, metadata: &'static Metadata) {
        let Inside { heap, bins, .. } = self.inside();
        heap.init(map, records);
        bins.init(metadata);
    }

    /// Stops slabs from being made mixed ones.
    pub fn set_unmixed(&mut self) {
        self.inside().bins.set_unmixed();
    }

    /// Takes objects of a class, lowest addresses first, and returns how many. The lowest goes into the last place.
    pub fn take(&mut self, class: SizeClass, places: &[AtomicUsize]) -> usize {
        let Inside { heap, bins, .. } = self.inside();
        bins.take(heap, class, places)
    }

    /// Takes one object of a class.
    pub fn take_one(&mut self, class: SizeClass) -> Option<usize> {
        let place = [AtomicUsize::new(0)];
        (self.take(class, &place) != 0).then(|| place[0].load(Ordering::Relaxed))
    }

    /// Says that the callers check each block.
    pub fn set_checked(&mut self) {
        self.inside().bins.set_checked();
    }

    /// Takes an object that is aligned to the largest power of two that divides its size.
    pub fn take_aligned(&mut self, class: SizeClass) -> Option<usize> {
        let Inside { heap, bins, .. } = self.inside();
        bins.take_aligned(heap, class)
    }

    /// Takes back the object of a slab at `address`. Keeps errno.
    pub fn give(&mut self, address: usize) -> Result<(), ObjectMisuse> {
        let Inside { heap, bins, .. } = self.inside();
        bins.give(heap, address)
    }

    /// Takes objects of a class back. Calls `report` with each that is wrong.
    pub fn give_all(&mut self, class: SizeClass, objects: &[AtomicUsize], report: impl Fn(usize, ObjectMisuse)) {
        let Inside { heap, bins, .. } = self.inside();
        bins.give_all(heap, class, objects, report);
    }

    /// Takes back the objects that are this arena's, moves the others to the front, and returns how
    /// many these are. Calls `report` with each object that is wrong.
    pub fn give_own(&mut self, objects: &[AtomicUsize], report: impl Fn(usize, ObjectMisuse)) -> usize {
        let Inside { heap, bins, .. } = self.inside();
        bins.give_own(heap, objects, report)
    }

    /// A block of the heap for `n` bytes; `None` if memory is out.
    pub fn alloc_aligned(&mut self, n: usize, align: usize) -> Option<Fresh> {
        let Inside { heap, bins, .. } = self.inside();
        bins.alloc_with_parked(heap, n, align, |heap| heap.alloc_aligned(n, align))
    }

    /// Gives all whole pages that nothing needs back to the operating system, and returns about how many bytes.
    pub fn trim(&mut self) -> usize {
        let Inside { heap, bins, .. } = self.inside();
        bins.unpark(heap, true);
        bins.release_empty(heap);
        let given = heap.trim();
        while bins.park(heap) {}
        given + bins.purge(heap)
    }

    /// Does what `trim` does, in steps of about a millisecond. Other threads can enter the arena
    /// between the steps. `None` when all is done.
    pub fn trim_step(&mut self, from: Trimmed) -> Option<Trimmed> {
        self.arena.waiting.store(false, Ordering::Relaxed);
        let Inside { heap, bins, .. } = self.inside();
        let page = heap.source().page_size();
        match from {
            // Unparked slabs merge with neighbours that have become free meanwhile.
            Trimmed::Nothing if bins.unpark(heap, false) => Some(Trimmed::Nothing),
            Trimmed::Nothing => {
                bins.release_empty(heap);
                Some(Trimmed::Unparked)
            }
            Trimmed::Unparked if heap.trim_some(page, TRIM_STEP) >= TRIM_STEP => Some(Trimmed::Unparked),
            Trimmed::Unparked => Some(Trimmed::Heap),
            Trimmed::Heap if bins.park(heap) => Some(Trimmed::Heap),
            Trimmed::Heap => Some(Trimmed::Slabs(Purged::NOTHING)),
            Trimmed::Slabs(from) => bins.purge_some(heap, from, PURGE_STEP, &mut 0).map(Trimmed::Slabs),
        }
    }

    /// Searches from an address on for memory that is dense and in small pages: see `dense`.
    pub fn next_dense(&mut self, from: usize) -> Option<(usize, Option<usize>)> {
        let Inside { heap, bins, .. } = self.inside();
        bins.next_dense(heap, from)
    }

    /// Called when more freed memory waits than the threshold allows.
    #[cold]
    fn wait_or_trim(&mut self) {
        self.arena.waiting.store(true, Ordering::Relaxed);
        let Inside { heap, bins, .. } = self.inside();
        if heap.trim_if_due(bins.dirty()) {
            bins.purge(heap);
        }
    }

    /// Gives back all whole regions that nothing needs, with their addresses, and returns how many bytes.
    pub fn release_whole_regions(&mut self) -> usize {
        let Inside { heap, bins, .. } = self.inside();
        bins.unpark(heap, true);
        bins.release_empty(heap);
        heap.release_whole_regions()
    }

    /// Bytes that are not in use: no release can give back more.
    pub fn releasable(&self) -> usize {
        let (heap, slabs) = (self.figures(), self.slab_figures());
        let free_in_slabs = slabs.bytes.saturating_sub(slabs.object_bytes);
        heap.held.saturating_sub(heap.live) + free_in_slabs + slabs.parked * UNIT
    }

    /// What the slabs hold.
    pub fn slab_figures(&self) -> SlabFigures {
        // SAFETY: as in `inside`.
        unsafe { (*self.arena.inside.get()).bins.figures() }
    }

    /// What is free in the heap and in the slabs.
    pub fn free_pieces(&self) -> Free {
        // SAFETY: as in `inside`.
        let Inside { heap, bins } = unsafe { &*self.arena.inside.get() };
        let (blocks, Free { count, bytes }) = (heap.figures(), bins.free_pieces());
        Free { count: blocks.free_blocks + count, bytes: blocks.free + bytes }
    }

    /// Calls `f` with every block that is handed out, including the objects of slabs.
    pub fn for_each_out(&self, f: &mut dyn FnMut(usize)) {
        self.for_each_in_use(&mut |block| match self.page_map().slab_entry(block) {
            Some(entry) => entry.slab().for_each_out(f),
            None => f(block),
        });
    }

    /// Runs the validators of the heap and of the bins.
    pub fn check(&self) -> Result<(), Broken> {
        // SAFETY: as in `inside`.
        let inside = unsafe { &*self.arena.inside.get() };
        inside.heap.check()?;
        inside.bins.check(&inside.heap)
    }

    /// Frees the blocks in the chain. The walk ends at a block that is free already. If two handlers
    /// free the same block, it is in the chain twice, and the chain is a ring.
    #[cold]
    fn free_deferred(&mut self) {
        let mut block = self.arena.deferred.swap(0, Ordering::Acquire);
        while block != 0 {
            // SAFETY: the promise made to `defer`.
            let next = unsafe { block::chained(block) };
            let entry = self.page_map().slab_entry(block);
            let freed = match entry {
                Some(entry) => self.give(block).map_err(|_| entry.class().map(SizeClass::size)),
                None => self.inside().heap.free(block).map(|_| ()).map_err(|_| None),
            };
            block = match (freed, next) {
                (Ok(()), Some(next)) => next,
                (Err(size), _) => {
                    let size = size.unwrap_or(0);
                    let text = format_args!("free({block:#x}): this block of {size} bytes is free already");
                    report::found(Code::DoubleFree, block, text, &|_| {});
                    0
                }
                // The block was checked when it was deferred, and only the program can have written to
                // it since. The rest of the chain is lost.
                (Ok(()), None) => {
                    let text = format_args!("the block at {block:#x}, freed in a signal handler");
                    report::found(Code::FreeBlockWritten, block, text, &|_| {});
                    0
                }
            }
        }
    }
}

impl<S: PageSource + 'static> Deref for Entered<'_, S> {
    type Target = Heap<S>;

    fn deref(&self) -> &Heap<S> {
        // SAFETY: as in `inside`.
        unsafe { &(*self.arena.inside.get()).heap }
    }
}

impl<S: PageSource + 'static> DerefMut for Entered<'_, S> {
    fn deref_mut(&mut self) -> &mut Heap<S> {
        &mut self.inside().heap
    }
}

impl<S: PageSource + 'static> Drop for Entered<'_, S> {
    #[inline]
    fn drop(&mut self) {
        let Inside { heap, bins, .. } = self.inside();
        if heap.is_over(bins.dirty()) {
            self.wait_or_trim();
        }
        sanitizer::released(self.arena);
        // SAFETY: this thread took the lock in `enter`.
        unsafe { self.arena.lock.unlock() };
        compiler_fence(Ordering::SeqCst);
        thread::set_in_operation(self.was_inside);
    }
}

#[cfg(feature = "models")]
mod models {
    use super::*;
    use crate::base::config::{REGION_GRANULE, UNIT};
    use crate::base::model::model;
    use crate::sys::fake::Fake;
    use std::rc::Rc;

    static MAP: PageMap = PageMap::new();
    static RECORDS: RecordPool = RecordPool::new();
    static METADATA: Metadata = Metadata::new();

    /// Freeing a block twice would be a double free, which ends the test.
    #[test]
    fn deferred_frees_of_two_threads_are_done_once_each_while_a_third_enters() {
        model(3, || {
            let source = Rc::new(Fake::new(2 * REGION_GRANULE + UNIT));
            let arena = Rc::new(Arena::new(source));
            let blocks = {
                let mut entered = arena.enter(Operation::Other).unwrap();
                entered.init(&MAP, &RECORDS, &METADATA);
                entered.set_trim(usize::MAX, usize::MAX, 0);
                [(); 2].map(|()| entered.alloc(100).unwrap().block)
            };
            let others = blocks.map(|block| {
                let arena = arena.clone();
                // SAFETY: taken above.
                loom::thread::spawn(move || unsafe { arena.defer(block) })
            });
            drop(arena.enter(Operation::Other));
            others.into_iter().for_each(|thread| thread.join().unwrap());
            let entered = arena.enter(Operation::Other).unwrap();
            assert_eq!(entered.figures().live_blocks, 0);
            entered.check().unwrap();
        });
    }
}
