//! The statics of the process: the page map, the arenas and which of them is a thread's home, and the mappings.

use super::options::{self, HugePages};
use super::trim_policy;
use crate::base::config::{ARENAS_MAX, UNIT};
use crate::base::operation::Operation;
use crate::heap::credit::Huge;
use crate::heap::free_list::Fit;
use crate::heap::heap::Heap;
use crate::heap::mapping::Mappings;
use crate::heap::page_map::PageMap;
use crate::heap::range_record::{Kind, RangeRecord, RecordPool};
use crate::slab::arena::{Arena, Entered};
use crate::slab::metadata::Metadata;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{cpus, thread};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The map from a unit of address space to its owner.
pub static PAGE_MAP: PageMap = PageMap::new();
/// The records of all ranges.
pub static RECORDS: RecordPool = RecordPool::new();
static METADATA: Metadata = Metadata::new();
const _: () = assert!(ASIDE < u64::BITS as usize);
/// The number of arenas: those that are homes, and the arena aside.
pub const ARENAS_ALL: usize = ARENAS_MAX + 1;
/// All arenas. Not to be used but through `arena`.
pub static ARENAS: [Arena<Linux>; ARENAS_ALL] = [const { Arena::new(Linux) }; ARENAS_ALL];
/// The arena aside. No fork freezes it. It serves threads that find an arena frozen, and is no thread's home.
const ASIDE: usize = ARENAS_MAX;
/// The process's mappings.
pub static MAPPINGS: Mappings<Linux> = Mappings::new(Linux, &PAGE_MAP, &RECORDS);

/// An arena whose slabs hold this many bytes asks for huge pages for more slabs.
const HUGE_FROM: usize = 16 << 20;

/// The arenas in use, a bit for each. The others serve no request.
pub static IN_USE: AtomicU64 = AtomicU64::new(0);
/// Whether some heap does not follow the options yet.
static APPLY: AtomicBool = AtomicBool::new(false);
/// How many threads were sent to arenas so far.
static HOMES: AtomicUsize = AtomicUsize::new(0);

/// Makes an arena ready for use, once. Returns false if that arena, or the first one, cannot be entered. The
/// first one's lock is held meanwhile: a fork freezes that arena before it looks which others there are.
pub(super) fn init(index: usize) -> bool {
    if IN_USE.load(Ordering::Acquire) & 1 << index != 0 {
        return true;
    }
    ARENAS[0].set_rank(1);
    let Some(mut first) = ARENAS[0].enter(Operation::Other) else { return false };
    if index == 0 {
        prepare(0, &mut first);
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "below 32")]
        ARENAS[index].set_rank(index as u32 + 1);
        let Some(mut arena) = ARENAS[index].enter(Operation::Other) else { return false };
        prepare(index, &mut arena);
    }
    IN_USE.fetch_or(1 << index, Ordering::Release);
    true
}

fn prepare(index: usize, arena: &mut Entered<'_, Linux>) {
    arena.init(&PAGE_MAP, &RECORDS, &METADATA);
    arena.configure(index, options::fit());
    let (threshold, decay) = trim_policy::thresholds();
    arena.set_trim(threshold, options::trim_threshold().saturating_mul(16), decay);
    if !options::mix() {
        arena.set_unmixed();
    }
    if options::checked() {
        arena.set_checked();
    }
    arena.set_huge(match options::huge_pages() {
        HugePages::Auto => Huge::Dense(HUGE_FROM),
        HugePages::Always => Huge::Always,
        HugePages::Never => Huge::Never,
    });
}

/// Brings the heaps in line with the options. Frozen ones follow when the fork is over.
pub fn apply() {
    for (index, arena) in numbered() {
        match arena.enter(Operation::Other) {
            Some(mut entered) => prepare(index, &mut entered),
            None => APPLY.store(true, Ordering::Relaxed),
        }
    }
}

/// Enters a pool of guarded blocks in the page map. Returns `None`, and changes nothing, if there is no memory for it.
pub fn map_guarded(start: usize, len: usize) -> Option<&'static RangeRecord> {
    let record = RECORDS.take(&Linux)?;
    record.start.store(start, Ordering::Relaxed);
    record.len.store(len, Ordering::Relaxed);
    if !PAGE_MAP.set(&Linux, start, len, record) {
        RECORDS.put(record);
        return None;
    }
    record.set_kind(Kind::Guarded);
    Some(record)
}

/// Takes a pool that was never used out of the page map.
pub fn unmap_guarded(record: &'static RangeRecord) {
    PAGE_MAP.clear(record.start(), record.len());
    RECORDS.put(record);
}

/// Makes a heap of its own ready. The page map knows its regions by `arena`.
pub fn init_heap<S: PageSource>(heap: &mut Heap<S>, arena: u32, fit: Fit) {
    heap.init(&PAGE_MAP, &RECORDS);
    heap.configure(arena as usize, fit);
    heap.set_huge(Huge::Never);
}

/// Makes the page map forget a range that belongs to nothing any more.
pub fn forget_range(record: &'static RangeRecord) {
    // If a unit has changed hands, its memory was the program's, who has given it to another.
    (record.start()..record.end()).step_by(UNIT).for_each(|unit| PAGE_MAP.clear_if(unit, record));
    RECORDS.put(record);
}

/// The arenas in use, with their indices.
pub fn numbered() -> impl DoubleEndedIterator<Item = (usize, &'static Arena<Linux>)> {
    let founded = IN_USE.load(Ordering::Acquire);
    ARENAS.iter().enumerate().filter(move |(index, _)| founded & 1 << index != 0)
}

/// How many arenas are in use.
pub fn arena_count() -> usize {
    IN_USE.load(Ordering::Acquire).count_ones() as usize
}

/// The arenas in use.
pub fn arenas() -> impl DoubleEndedIterator<Item = &'static Arena<Linux>> {
    numbered().map(|(_, arena)| arena)
}

/// The arena aside, if there is one. It serves a thread whose home is frozen by a fork.
#[cold]
pub fn arena_aside() -> Option<&'static Arena<Linux>> {
    (IN_USE.load(Ordering::Acquire) & 1 << ASIDE != 0).then(|| arena(ASIDE))
}

/// The arena with an index.
#[inline]
pub fn arena(index: usize) -> &'static Arena<Linux> {
    &ARENAS[index.min(ASIDE)]
}

/// The index of the calling thread's home arena.
#[inline]
pub fn home() -> usize {
    thread::home().unwrap_or_else(choose_home)
}

/// Sends the calling thread to an arena, in turn. The first thread goes to the first arena. Only a second one
/// asks the kernel how many CPUs there are, so a program of one thread makes no call for it, in whatever sandbox.
#[cold]
#[inline(never)]
fn choose_home() -> usize {
    let turn = HOMES.fetch_add(1, Ordering::Relaxed);
    let index = match (turn, options::arenas()) {
        (0, _) => 0,
        (_, 0) => turn % cpus::count().min(ARENAS_MAX),
        (_, asked) => turn % asked,
    };
    if !init(index) {
        // The next call tries again.
        HOMES.fetch_sub(1, Ordering::Relaxed);
        return 0;
    }
    thread::set_home(index);
    index
}

/// Whether more than one thread has allocated.
pub fn has_had_threads() -> bool {
    HOMES.load(Ordering::Relaxed) > 1
}

/// Waits while forks keep arenas frozen, for a bounded time. For a caller that would otherwise have to fail.
pub fn wait_for_forks() {
    homes().for_each(Arena::wait_for_thaw);
}

/// The arenas in use that a fork freezes.
fn homes() -> impl DoubleEndedIterator<Item = &'static Arena<Linux>> {
    numbered().filter(|&(index, _)| index != ASIDE).map(|(_, arena)| arena)
}

/// Called before a fork: makes the arena aside, which the fork does not freeze. A thread that has
/// not allocated yet may do so meanwhile.
pub fn set_aside() {
    ARENAS[ASIDE].set_aside();
    init(ASIDE);
}

/// Freezes all arenas but the arena aside. `interrupted`: the fork is in a signal handler that
/// interrupted an operation.
pub fn freeze(interrupted: bool) {
    // The first one comes first: while it is frozen, no other is made ready.
    ARENAS[0].freeze(interrupted);
    homes().skip(1).for_each(|arena| arena.freeze(interrupted));
}

/// Called after a fork, in the parent: thaws the arenas.
pub fn thaw() {
    homes().rev().for_each(Arena::thaw);
}

/// Called after a fork, in the child: thaws the arenas.
pub fn thaw_in_child() {
    for (index, arena) in numbered().rev() {
        if arena.thaw_in_child() && index == ASIDE {
            // Its content stays as it is, and no other takes its place.
            IN_USE.fetch_and(!(1 << ASIDE), Ordering::Relaxed);
        }
    }
}

/// Called after a fork: does what `apply` could not do.
pub fn apply_late() {
    if APPLY.swap(false, Ordering::Relaxed) {
        apply();
    }
}

/// The region, mapping or pool of guarded blocks around an address.
pub fn span_around(address: usize) -> Option<Range<usize>> {
    let record = PAGE_MAP.get(address).or_else(|| MAPPINGS.locate(address))?;
    Some(record.start()..record.end())
}
