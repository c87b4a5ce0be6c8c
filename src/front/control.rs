//! What a program asks of its allocator while it runs: a walk over all blocks, and the statistics for other programs
//! to read.

#![allow(unsafe_code)]

use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::compartment::name::Name;
use crate::compartment::table;
use crate::debug::scan;
use crate::front::stats::{self, Stats};
use crate::heap::headers;
use crate::process::statics::{self, PAGE_MAP};
use crate::process::{options, start};
use crate::route::helper;
use crate::slab::key;
use crate::trace::report;
use core::ffi::c_int;
use core::fmt::Write;

/// Calls `f` with the address and the usable bytes of each block that the program has, until it returns false: first
/// those of the arenas, then mappings, then the shared heaps that the program has made. Where blocks are checked, the
/// bytes are those asked for. Takes the lock of an arena while its blocks are visited: `f` may not allocate or free.
/// Other threads go on meanwhile: what they allocate or free may be visited or not, and so may what is
/// in the cache of a thread that is inside malloc or free at that moment.
pub fn walk(f: &mut dyn FnMut(usize, usize) -> bool) {
    start::ensure();
    let mut goes_on = true;
    let mut visit = |address, bytes| goes_on = goes_on && f(address, bytes);
    if options::checked() {
        scan::for_each_in_use(&mut |block, facts| visit(block.start, facts.size));
    } else {
        helper::empty_caches();
        for arena in statics::arenas() {
            if let Some(entered) = arena.enter_patiently(Operation::Other) {
                entered.for_each_out(&mut |block| {
                    if let Some(bytes) = usable(block) {
                        visit(block, bytes);
                    }
                });
            }
        }
        statics::MAPPINGS.for_each(|mapping| visit(mapping.start(), mapping.len()));
    }
    for heap in table::shared() {
        if let Some(mut entered) = heap.enter_shared() {
            entered.walk(&mut |address, bytes| {
                visit(address, bytes);
                true
            });
        }
    }
}

/// The usable bytes of a block that is out of its arena; `None` if it is free, in a thread's cache.
fn usable(block: usize) -> Option<usize> {
    let usable = match PAGE_MAP.slab_entry(block) {
        Some(entry) => entry.object_at(block)?.class.size(),
        // SAFETY: the page map's region.
        None => PAGE_MAP.get(block).and_then(|region| unsafe { headers::usable_size(region, block) }.ok())?,
    };
    // SAFETY: a block of ours is there.
    (!unsafe { key::is_set(block) }).then_some(usable)
}

/// How the statistics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One JSON object.
    Json,
    /// The text format of Prometheus.
    Prometheus,
}

/// One figure.
struct Metric {
    name: &'static str,
    /// What it is, for Prometheus.
    help: &'static str,
    /// Whether it only grows.
    counts: bool,
    value: u64,
}

fn metrics() -> [Metric; 19] {
    let stats = stats::stats();
    let call = |operation: Operation| stats.calls[operation as usize];
    let counter = |name, help, value| Metric { name, help, counts: true, value };
    let gauge = |name, help, value: usize| Metric { name, help, counts: false, value: value as u64 };
    let Stats { heaps, slabs, mappings, .. } = stats;
    [
        counter("malloc_calls", "Calls of malloc and operator new.", call(Operation::Malloc)),
        counter("calloc_calls", "Calls of calloc.", call(Operation::Calloc)),
        counter("realloc_calls", "Calls of realloc.", call(Operation::Realloc)),
        counter("aligned_calls", "Calls that take an alignment.", call(Operation::Aligned)),
        counter("free_calls", "Calls of free and operator delete.", call(Operation::Free)),
        counter("locks", "How often an arena's lock was taken.", stats.locks),
        counter("lock_waits", "How often a thread waited for one.", stats.lock_waits),
        gauge("heap_live_bytes", "Bytes in blocks that the program has, without mappings.", heaps.live),
        gauge("heap_live_blocks", "Blocks that the program has, without mappings.", heaps.live_blocks),
        gauge("heap_held_bytes", "Bytes of address space of the heaps.", heaps.held),
        gauge("heap_free_bytes", "Bytes that are free in heaps, slabs and thread caches.", stats.free.bytes),
        gauge("cached_bytes", "Bytes in thread caches.", stats.cached),
        gauge("slab_bytes", "Bytes of slabs.", slabs.bytes),
        gauge("slabs", "Slabs.", slabs.slabs),
        gauge("mixed_slabs", "Slabs that serve several sizes.", slabs.mixed),
        gauge("mapping_bytes", "Bytes of mappings.", mappings.bytes),
        gauge("mappings", "Mappings.", mappings.count),
        gauge("mapped_bytes", "Bytes of address space from the system, records included.", stats.mapped),
        gauge("arenas", "Arenas that hold memory.", stats.arenas),
    ]
}

/// Writes the statistics to a file, and a part for each shared heap that the program has made. What the file does
/// not take is lost.
pub fn write_stats(fd: c_int, format: Format) {
    let metrics = metrics();
    let mut line = Line::<512>::new();
    let mut put = |text: core::fmt::Arguments<'_>| {
        line.clear();
        // A write to a `Line` never fails.
        let _ = line.write_fmt(text);
        report::write_all(fd, line.as_bytes());
    };
    match format {
        Format::Json => {
            put(format_args!("{{"));
            for Metric { name, value, .. } in &metrics {
                put(format_args!("\"{name}\":{value},"));
            }
            put(format_args!("\"heaps\":["));
            let mut comma = "";
            for_each_heap(|name, number, live, blocks, held| {
                put(format_args!(
                    "{comma}{{\"name\":\"{name}\",\"number\":{number},\"live_bytes\":{live},\"blocks\":{blocks},\"held_bytes\":{held}}}"
                ));
                comma = ",";
            });
            put(format_args!("]}}\n"));
        }
        Format::Prometheus => {
            for Metric { name, help, counts, value } in &metrics {
                let (end, kind) = if *counts { ("_total", "counter") } else { ("", "gauge") };
                put(format_args!(
                    "# HELP metes_{name}{end} {help}\n# TYPE metes_{name}{end} {kind}\nmetes_{name}{end} {value}\n"
                ));
            }
            put(format_args!(
                "# HELP metes_made_heap_live_bytes Bytes in use of a heap that the program has made.\n# TYPE metes_made_heap_live_bytes gauge\n"
            ));
            for_each_heap(|name, number, live, _, _| {
                put(format_args!("metes_made_heap_live_bytes{{heap=\"{name}\",number=\"{number}\"}} {live}\n"));
            });
        }
    }
}

/// Calls `f` with the name of each shared heap that the program has made, its number (several may have one name), its
/// bytes in use, blocks and bytes held.
fn for_each_heap(mut f: impl FnMut(Plain, usize, usize, usize, usize)) {
    for heap in table::shared().filter(|heap| !heap.is_internal()) {
        let name = Plain(heap.name());
        if let Some(mut entered) = heap.enter_shared() {
            let inside = entered.inside();
            let (live, blocks, held) = (inside.live(), inside.blocks(), inside.heap.figures().held);
            drop(entered);
            f(name, heap.index(), live, blocks, held);
        }
    }
}

/// A heap's name for JSON and Prometheus: without quotes and backslashes.
struct Plain(Name);

impl core::fmt::Display for Plain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.text().split(['"', '\\']).try_for_each(|part| f.write_str(part))
    }
}
