//! The process's one runtime: the statics, the first call, and fork.
//!
//! The first call may come from ld.so, from an early constructor, or from a signal handler; it cannot wait for a
//! constructor of ours. `start` therefore allocates nothing, takes no lock, and does the same however often it runs: if a
//! signal interrupts it, or two threads are first at once, both run it to the end with the same result.

#![allow(unsafe_code)]

use super::options::HugePages;
use super::{guard, helper, options, quarantine, threads, watch};
use crate::base::config::ARENAS_MAX;
use crate::base::operation::Operation;
use crate::base::seal;
use crate::heap::credit::Huge;
use crate::heap::mapping::Mappings;
use crate::heap::page_map::PageMap;
use crate::heap::span::{Kind, Span, SpanPool};
use crate::slab::arena::{Arena, Entered};
use crate::slab::metadata::Metadata;
use crate::sys::linux::{self, Linux};
use crate::sys::pages::PageSource;
use crate::sys::{auxv, cpus, modules, process, report, sanitizer, thread, valgrind};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Who owns which unit of address space.
pub static PAGE_MAP: PageMap = PageMap::new();
static SPANS: SpanPool = SpanPool::new();
static METADATA: Metadata = Metadata::new();
const _: () = assert!(ASIDE < u64::BITS as usize);
/// How many arenas there are: those that are homes, and the one aside.
pub const ARENAS_ALL: usize = ARENAS_MAX + 1;
static ARENAS: [Arena<Linux>; ARENAS_ALL] = [const { Arena::new(Linux) }; ARENAS_ALL];
/// The arena that no fork freezes: it serves threads that come to a frozen one, and is nobody's home.
const ASIDE: usize = ARENAS_MAX;
/// The process's mappings.
pub static MAPPINGS: Mappings<Linux> = Mappings::new(Linux, &PAGE_MAP, &SPANS);

/// Arenas whose slabs have as much ask for huge pages for more of them.
const HUGE_FROM: usize = 16 << 20;

/// How far the start is.
static START: Start = Start { ready: AtomicBool::new(false), starting: AtomicU32::new(0), founded: AtomicU64::new(0) };

/// All are on one page.
struct Start {
    /// Whether it is done.
    ready: AtomicBool,
    /// How many threads are in `start`, or `SEALED`.
    starting: AtomicU32,
    /// The arenas that are in use, a bit for each. The others were never touched.
    founded: AtomicU64,
}

/// Nobody is in `start`, or will be.
const SEALED: u32 = 1 << 31;
/// Whether some heap is not in line with the options.
static APPLY: AtomicBool = AtomicBool::new(false);
/// Threads sent to arenas so far.
static HOMES: AtomicUsize = AtomicUsize::new(0);

/// Makes sure that the runtime has started.
#[inline]
pub fn ensure() {
    if !START.ready.load(Ordering::Acquire) {
        start();
    }
}

#[cold]
#[inline(never)]
fn start() {
    // Who is in here writes to what is sealed when nobody is any more. Then all has been done.
    let enter = |starting: u32| (starting != SEALED).then(|| starting + 1);
    if START.starting.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
        return;
    }
    seal::set_secret(secret());
    valgrind::start();
    if valgrind::listens() {
        options::set_for_valgrind();
    }
    options::read_environment();
    helper::begin();
    MAPPINGS.set_huge(match options::huge_pages() {
        HugePages::Auto => None,
        HugePages::Always => Some(true),
        HugePages::Never => Some(false),
    });
    found(0);
    START.ready.store(true, Ordering::Release);
    // Where a thread is gone that was in here, as in the child of a fork, nothing is ever sealed.
    START.starting.fetch_sub(1, Ordering::Release);
    if START.starting.compare_exchange(0, SEALED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        linux::seal();
    }
}

/// Makes an arena ready for use, once for all. False where the first one cannot be had, whose lock is held meanwhile: a fork freezes that one before
/// it looks which others there are.
fn found(index: usize) -> bool {
    if START.founded.load(Ordering::Acquire) & 1 << index != 0 {
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
    START.founded.fetch_or(1 << index, Ordering::Release);
    true
}

fn prepare(index: usize, arena: &mut Entered<'_, Linux>) {
    arena.found(&PAGE_MAP, &SPANS, &METADATA);
    arena.configure(index, options::fit());
    let (threshold, decay) = helper::thresholds();
    arena.set_trim(threshold, options::trim_threshold().saturating_mul(16), decay);
    if !options::mix() {
        arena.set_unmixed();
    }
    if options::watched() {
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

/// After a fork.
fn apply_late() {
    if APPLY.swap(false, Ordering::Relaxed) {
        apply();
    }
}

/// The secret: random bytes asked for now, mixed with those that the kernel gave the process at its start, which the libc makes its own secrets
/// of. Either would do. Where there are neither it is made of addresses and the time, and could be guessed.
fn secret() -> u64 {
    let given = auxv::get(libc::AT_RANDOM).map(|address| {
        // SAFETY: AT_RANDOM points at sixteen bytes that live as long as the process.
        unsafe { core::ptr::with_exposed_provenance::<[u64; 2]>(address).read_unaligned() }
    });
    let asked = process::random();
    let [low, high] = match (given, asked) {
        (None, None) => [(&raw const START).addr() as u64, (&raw const given).addr() as u64 ^ Linux.now() << 48],
        _ => given.unwrap_or_default(),
    };
    let given = (low ^ 0x2545_f491_4f6c_dd1d).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.rotate_left(32);
    given ^ asked.unwrap_or_default()
}

/// Makes the page map know a pool of guarded blocks. `None`, and nothing changed, if there is no memory for that.
pub fn map_guarded(start: usize, len: usize) -> Option<&'static Span> {
    let span = SPANS.take(&Linux)?;
    span.start.store(start, Ordering::Relaxed);
    span.len.store(len, Ordering::Relaxed);
    if !PAGE_MAP.set(&Linux, start, len, span) {
        SPANS.put(span);
        return None;
    }
    span.set_kind(Kind::Guarded);
    Some(span)
}

/// Makes the page map forget a pool that nobody has used.
pub fn unmap_guarded(span: &'static Span) {
    PAGE_MAP.clear(span.start(), span.len());
    SPANS.put(span);
}

/// Whether the process runs under valgrind.
pub fn on_valgrind() -> bool {
    ensure();
    valgrind::runs()
}

/// The arenas in use and their indices.
pub fn numbered() -> impl DoubleEndedIterator<Item = (usize, &'static Arena<Linux>)> {
    let founded = START.founded.load(Ordering::Acquire);
    ARENAS.iter().enumerate().filter(move |(index, _)| founded & 1 << index != 0)
}

/// How many arenas are in use.
pub fn arena_count() -> usize {
    START.founded.load(Ordering::Acquire).count_ones() as usize
}

/// The arenas in use.
pub fn arenas() -> impl DoubleEndedIterator<Item = &'static Arena<Linux>> {
    numbered().map(|(_, arena)| arena)
}

/// The arena that serves a thread whose home is frozen by a fork, if there is one.
#[cold]
pub fn arena_aside() -> Option<&'static Arena<Linux>> {
    (START.founded.load(Ordering::Acquire) & 1 << ASIDE != 0).then(|| arena(ASIDE))
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
    if !found(index) {
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

/// What is done when the library is loaded: the fork handlers are registered. Not with the first allocation: that one may come from inside
/// `pthread_atfork`, which allocates under its own lock. Nothing else waits for this constructor, so its place in the
/// order of constructors does not matter: until it runs, a fork is only as safe as without handlers, which a
/// program of one thread does not need.
#[used]
#[cfg_attr(not(any(miri, feature = "models")), unsafe(link_section = ".init_array"))]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    ensure();
    sanitizer::begin();
    modules::begin();
    // SAFETY: the handlers are functions of this library, which is never unloaded. It may allocate: no lock is held.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork_in_parent), Some(after_fork_in_child)) };
    guard::begin();
}

/// Freezes the arenas, and what else a child has to find whole. Nobody waits for that: other libraries' handlers come before or after these, in whatever
/// order the libraries were loaded, and what they wait for may be in the hands of a thread that allocates.
extern "C" fn before_fork() {
    // Where a thread has not allocated yet, it may do so meanwhile.
    ARENAS[ASIDE].set_aside();
    found(ASIDE);
    let interrupted = thread::is_inside();
    thread::begin_fork();
    helper::freeze();
    quarantine::freeze(interrupted);
    // The first first: while it is frozen no other is founded.
    ARENAS[0].freeze(interrupted);
    homes().skip(1).for_each(|arena| arena.freeze(interrupted));
}

/// Waits while forks keep arenas frozen, for a bounded time. For who would have to fail otherwise.
pub fn wait_for_forks() {
    homes().for_each(Arena::wait_for_thaw);
}

/// The arenas in use that a fork freezes.
fn homes() -> impl DoubleEndedIterator<Item = &'static Arena<Linux>> {
    numbered().filter(|&(index, _)| index != ASIDE).map(|(_, arena)| arena)
}

extern "C" fn after_fork_in_parent() {
    homes().rev().for_each(Arena::thaw);
    quarantine::thaw();
    helper::thaw();
    thread::end_fork();
    apply_late();
}

extern "C" fn after_fork_in_child() {
    for (index, arena) in numbered().rev() {
        if arena.thaw_in_child() && index == ASIDE {
            // What is in it stays as it is, and there will be no other.
            START.founded.fetch_and(!(1 << ASIDE), Ordering::Relaxed);
        }
    }
    quarantine::thaw_in_child();
    helper::begin_in_child();
    report::adopt();
    watch::adopt();
    // The child's thread has another number in the kernel.
    let old = thread::number();
    thread::renumber();
    threads::adopt_in_child(old);
    thread::end_fork();
    apply_late();
}
