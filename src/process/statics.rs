//! The process's statics: the page map, the arenas, which of them is a thread's home, and the mappings.

use super::options::{self, HugePages};
use super::trim_policy;
use crate::base::config::ARENAS_MAX;
use crate::base::operation::Operation;
use crate::heap::credit::Huge;
use crate::heap::mapping::Mappings;
use crate::heap::page_map::PageMap;
use crate::heap::range_record::{Kind, RangeRecord, RecordPool};
use crate::slab::arena::{Arena, Entered};
use crate::slab::metadata::Metadata;
use crate::sys::linux::Linux;
use crate::sys::{cpus, thread};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Who owns which unit of address space.
pub static PAGE_MAP: PageMap = PageMap::new();
static RECORDS: RecordPool = RecordPool::new();
static METADATA: Metadata = Metadata::new();
const _: () = assert!(ASIDE < u64::BITS as usize);
/// How many arenas there are: those that are homes, and the one aside.
pub const ARENAS_ALL: usize = ARENAS_MAX + 1;
static ARENAS: [Arena<Linux>; ARENAS_ALL] = [const { Arena::new(Linux) }; ARENAS_ALL];
/// The arena that no fork freezes: it serves threads that come to a frozen one, and is nobody's home.
const ASIDE: usize = ARENAS_MAX;
/// The process's mappings.
pub static MAPPINGS: Mappings<Linux> = Mappings::new(Linux, &PAGE_MAP, &RECORDS);

/// Arenas whose slabs have as much ask for huge pages for more of them.
const HUGE_FROM: usize = 16 << 20;

/// The arenas that are in use, a bit for each. The others were never touched.
static IN_USE: AtomicU64 = AtomicU64::new(0);
/// Whether some heap is not in line with the options.
static APPLY: AtomicBool = AtomicBool::new(false);
/// Threads sent to arenas so far.
static HOMES: AtomicUsize = AtomicUsize::new(0);

/// Makes an arena ready for use, once for all. False where the first one cannot be had, whose lock is held meanwhile: a fork freezes that one before
/// it looks which others there are.
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

/// Brings the heaps in line with the options; those that a fork keeps frozen when it is over.
pub fn apply() {
    for (index, arena) in numbered() {
        match arena.enter(Operation::Other) {
            Some(mut entered) => prepare(index, &mut entered),
            None => APPLY.store(true, Ordering::Relaxed),
        }
    }
}

/// Makes the page map know a pool of guarded blocks. `None`, and nothing changed, if there is no memory for that.
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

/// Makes the page map forget a pool that nobody has used.
pub fn unmap_guarded(record: &'static RangeRecord) {
    PAGE_MAP.clear(record.start(), record.len());
    RECORDS.put(record);
}

/// The arenas in use and their indices.
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

/// The arena that serves a thread whose home is frozen by a fork, if there is one.
#[cold]
pub fn arena_aside() -> Option<&'static Arena<Linux>> {
    (IN_USE.load(Ordering::Acquire) & 1 << ASIDE != 0).then(|| arena(ASIDE))
}

/// The arena of an index.
#[inline]
pub fn arena(index: usize) -> &'static Arena<Linux> {
    &ARENAS[index.min(ASIDE)]
}

/// The index of the calling thread's home arena.
#[inline]
pub fn home() -> usize {
    thread::home().unwrap_or_else(choose_home)
}

/// Sends a thread to its arena, in turn. The first one goes to the first arena: only for a second thread is the kernel asked
/// how many CPUs there are, so a program of one thread, in whatever sandbox, makes no call for it.
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
        // Asked again next time.
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

/// Waits while forks keep arenas frozen, for a bounded time. For who would have to fail otherwise.
pub fn wait_for_forks() {
    homes().for_each(Arena::wait_for_thaw);
}

/// The arenas in use that a fork freezes.
fn homes() -> impl DoubleEndedIterator<Item = &'static Arena<Linux>> {
    numbered().filter(|&(index, _)| index != ASIDE).map(|(_, arena)| arena)
}

/// Before a fork: has an arena that it does not freeze. Where a thread has not allocated yet, it may do so meanwhile.
pub fn set_aside() {
    ARENAS[ASIDE].set_aside();
    init(ASIDE);
}

/// Freezes the arenas, but the one aside; `interrupted`: a signal handler forks that interrupted an operation.
pub fn freeze(interrupted: bool) {
    // The first first: while it is frozen no other is made ready.
    ARENAS[0].freeze(interrupted);
    homes().skip(1).for_each(|arena| arena.freeze(interrupted));
}

/// After a fork, in the parent.
pub fn thaw() {
    homes().rev().for_each(Arena::thaw);
}

/// After a fork, in the child.
pub fn thaw_in_child() {
    for (index, arena) in numbered().rev() {
        if arena.thaw_in_child() && index == ASIDE {
            // What is in it stays as it is, and there will be no other.
            IN_USE.fetch_and(!(1 << ASIDE), Ordering::Relaxed);
        }
    }
}

/// After a fork: does what `apply` could not do.
pub fn apply_late() {
    if APPLY.swap(false, Ordering::Relaxed) {
        apply();
    }
}

/// The region or mapping of ours around an address.
pub fn span_around(address: usize) -> Option<Range<usize>> {
    let record = PAGE_MAP.get(address).or_else(|| MAPPINGS.locate(address))?;
    Some(record.start()..record.end())
}
