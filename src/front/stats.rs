//! Statistics: what was served, by which entries, and what it is made of.

use crate::base::config::UNIT;
use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::cache::{count, held, threads};
use crate::debug::quarantine;
use crate::heap::heap::Figures;
use crate::heap::mapping::MappingFigures;
use crate::process::{options, start, statics};
use crate::report::guard_pool;
use crate::slab::bins::{Free, SlabFigures};
use crate::sys::{calls, file, limit, valgrind};
use crate::trace::report;
use core::fmt::Write;
use core::sync::atomic::Ordering;

/// What the process's allocator has served and holds.
#[derive(Clone, Copy, Default)]
pub struct Stats {
    /// Calls by `Operation as usize`.
    pub calls: [u64; Operation::COUNT],
    /// All heaps together, as in `Share`. `peak` is the sum of the heaps' own peaks, with slabs
    /// counted whole: an upper bound.
    pub heaps: Figures,
    /// All slabs.
    pub slabs: SlabFigures,
    /// Bytes in thread caches.
    pub cached: usize,
    /// All that is free in heaps, slabs and thread caches.
    pub free: Free,
    /// All mappings.
    pub mappings: MappingFigures,
    /// Bytes of address space from the operating system, the records included.
    pub mapped: usize,
    /// Arenas that hold memory.
    pub arenas: usize,
    /// How often an arena's lock was taken.
    pub locks: u64,
    /// How often a thread had to wait for an arena's lock.
    pub lock_waits: u64,
}

/// What an arena holds.
pub struct Share {
    /// The arena's number.
    pub arena: usize,
    /// Its heap. The live blocks are those that the program has: objects count in place of their slabs,
    /// and what thread caches hold does not count.
    pub heap: Figures,
    /// Its slabs. The objects are those that are out, including those in thread caches.
    pub slabs: SlabFigures,
    /// All that is free in its heap and its slabs, and what thread caches hold of it.
    pub free: Free,
    /// What thread caches hold of it.
    pub cached: Free,
}

/// Calls `f` with the figures of every arena that holds memory. Reads the thread caches first, then
/// one arena after the other.
pub fn for_each_arena(mut f: impl FnMut(Share)) {
    start::ensure();
    let cached = held_in_caches();
    for (index, arena) in statics::numbered() {
        let read = || {
            arena
                .enter_patiently(Operation::Other)
                .map(|heap| (heap.figures(), heap.slab_figures(), heap.free_pieces()))
        };
        let figures = valgrind::quietly(read);
        if let Some((mut heap, slabs, mut free)) = figures.filter(|(heap, ..)| heap.held != 0) {
            let cached = cached[index];
            // Objects count in place of their slabs.
            let live = heap.live - slabs.bytes - slabs.parked * UNIT + slabs.object_bytes;
            let live_blocks = heap.live_blocks - slabs.slabs - slabs.parked + slabs.objects;
            // Threads go on meanwhile.
            heap.live = live.saturating_sub(cached.bytes);
            heap.live_blocks = live_blocks.saturating_sub(cached.count);
            free.count += cached.count;
            free.bytes = heap.held.min(free.bytes + cached.bytes);
            f(Share { arena: index, heap, slabs, free, cached });
        }
    }
}

/// What thread caches hold of each arena.
fn held_in_caches() -> [Free; statics::ARENAS_ALL] {
    let mut held = [Free::default(); statics::ARENAS_ALL];
    for cache in threads::all() {
        cache.for_each_held(|object| {
            if let Some((arena, bytes)) = held::held_object(object) {
                held[arena].count += 1;
                held[arena].bytes += bytes;
            }
        });
    }
    held
}

/// The present figures. Arenas are read one after the other.
pub fn stats() -> Stats {
    let mut stats = Stats { mappings: statics::MAPPINGS.figures(), mapped: limit::mapped(), ..Stats::default() };
    for_each_arena(|Share { arena, heap, slabs, free, cached }| {
        let (locks, waits) = statics::arena(arena).entries();
        stats.locks += locks;
        stats.lock_waits += waits;
        stats.arenas += 1;
        stats.slabs.slabs += slabs.slabs;
        stats.slabs.mixed += slabs.mixed;
        stats.slabs.bytes += slabs.bytes;
        stats.slabs.parked += slabs.parked;
        stats.slabs.objects += slabs.objects;
        stats.slabs.object_bytes += slabs.object_bytes;
        stats.heaps.live += heap.live;
        stats.heaps.live_blocks += heap.live_blocks;
        stats.heaps.peak += heap.peak;
        stats.heaps.held += heap.held;
        stats.heaps.peak_held += heap.peak_held;
        stats.heaps.regions += heap.regions;
        stats.heaps.free_blocks += heap.free_blocks;
        stats.heaps.free += heap.free;
        stats.free.count += free.count;
        stats.free.bytes += free.bytes;
        stats.cached += cached.bytes;
    });
    stats.calls = count::calls(threads::all);
    quarantine::add_calls(&mut stats.calls);
    stats
}

type Page = Line<1024>;

/// The statistics as text: a line each for calls, heaps, slabs, mappings and locks, and one for
/// guarded blocks if there is a pool.
fn text(pid: libc::pid_t) -> Page {
    let Stats { calls, heaps, slabs, cached, free: _, mappings, mapped: _, arenas, locks, lock_waits } = stats();
    let call = |operation: Operation| calls[operation as usize];
    let mut page = Page::new();
    // A Line never fails to be written to.
    let _ = writeln!(
        page,
        "metes: served {pid}: malloc {} calls, calloc {}, realloc {}, aligned {}, free {}",
        call(Operation::Malloc),
        call(Operation::Calloc),
        call(Operation::Realloc),
        call(Operation::Aligned),
        call(Operation::Free),
    );
    let _ = writeln!(
        page,
        "metes: heaps: {} bytes in {} blocks, peak {}; {} bytes in {} regions of {arenas} arenas, peak {}; {} free blocks",
        heaps.live, heaps.live_blocks, heaps.peak, heaps.held, heaps.regions, heaps.peak_held, heaps.free_blocks,
    );
    let _ = writeln!(
        page,
        "metes: slabs: {} bytes in {}, {} of them mixed; {} bytes of objects out; {cached} bytes in thread caches",
        slabs.bytes, slabs.slabs, slabs.mixed, slabs.object_bytes,
    );
    let _ = writeln!(
        page,
        "metes: mappings: {} bytes in {}, peak {} bytes, {} mappings",
        mappings.bytes, mappings.count, mappings.peak_bytes, mappings.peak_count,
    );
    let _ = writeln!(page, "metes: locks: taken {locks} times, waited for {lock_waits} times");
    if let Some(pool) = guard_pool::pool() {
        let (count, bytes) = pool.used().fold((0, 0), |(count, bytes), block| (count + 1, bytes + block.size));
        let total = pool.total.load(Ordering::Relaxed);
        let _ = writeln!(page, "metes: guarded: {bytes} bytes in {count} blocks, {total} blocks so far");
    }
    page
}

/// Writes the statistics to the place that the options name, if they are wanted at exit.
pub fn write_at_exit() {
    if !options::stats_at_exit() {
        return;
    }
    let pid = calls::process_id().cast_signed();
    let page = text(pid);
    match options::stats_file(pid) {
        None => report::write_all(libc::STDERR_FILENO, page.as_bytes()),
        Some(path) => match file::open_to_append(path.as_bytes()) {
            Some(fd) => {
                report::write_all(fd, page.as_bytes());
                file::close(fd);
            }
            None => {
                let path = path.as_str().trim_end_matches('\0');
                report::say(format_args!("cannot write the statistics to '{path}'"));
            }
        },
    }
}
