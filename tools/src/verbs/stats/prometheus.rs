//! The figures in the text format of Prometheus.

use crate::heap::usage::{Part, Usage};
use crate::snapshot::Snapshot;
use std::fmt::Write;

/// All of it, each metric with its help.
pub fn text(snapshot: &Snapshot, usage: &Usage) -> String {
    let mut page = String::new();
    let heap = &snapshot.heap;
    let parts = &usage.parts;
    let rest = Part { bytes: usage.rest.resident, resident: usage.rest.resident };
    let shares = [
        ("in_use", parts.in_use),
        ("cached", parts.cached),
        ("quarantined", parts.quarantined),
        ("free_in_slabs", parts.free_in_slabs),
        ("free_in_heaps", parts.free_in_heaps),
        ("kept", usage.kept),
        ("metadata", usage.metadata),
        ("not_metes", rest),
    ];
    head(&mut page, "metes_resident_bytes", "gauge", "Resident bytes of the process by what they are.");
    shares
        .iter()
        .for_each(|(part, share)| sample(&mut page, "metes_resident_bytes", &[("part", part)], share.resident));
    head(&mut page, "metes_bytes", "gauge", "Bytes of address space by what they are.");
    shares.iter().for_each(|(part, share)| sample(&mut page, "metes_bytes", &[("part", part)], share.bytes));
    let gauges = [
        ("metes_process_resident_bytes", "Resident bytes of the process.", usage.rss),
        ("metes_process_swap_bytes", "Bytes of the process in swap.", usage.swap),
        ("metes_purged_bytes", "Free bytes that are not resident.", usage.purged),
        ("metes_huge_bytes", "Bytes on huge pages.", usage.huge),
        ("metes_mappings", "Mappings in use.", usage.mapping_count),
        ("metes_mapped_bytes", "Bytes of address space from the system.", heap.mapped),
    ];
    for (name, help, value) in gauges {
        head(&mut page, name, "gauge", help);
        sample(&mut page, name, &[], value);
    }
    head(&mut page, "metes_calls_total", "counter", "Calls by function.");
    use metes::Operation::{Aligned, Calloc, Free, Malloc, Realloc};
    for (name, operation) in
        [("malloc", Malloc), ("calloc", Calloc), ("realloc", Realloc), ("aligned", Aligned), ("free", Free)]
    {
        sample(
            &mut page,
            "metes_calls_total",
            &[("function", name)],
            heap.calls.get(operation as usize).copied().unwrap_or(0),
        );
    }
    head(
        &mut page,
        "metes_largest_free_bytes",
        "gauge",
        "The largest request that a free block of an arena can serve.",
    );
    for arena in &heap.arenas {
        sample(
            &mut page,
            "metes_largest_free_bytes",
            &[("arena", &arena.index.to_string())],
            arena.figures.largest_free,
        );
    }
    if !heap.compartments.is_empty() {
        head(
            &mut page,
            "metes_heap_in_use_bytes",
            "gauge",
            "Bytes in use of a heap that the program has made, or of a tag.",
        );
        for made in &heap.compartments {
            let labels = [("heap", made.name.as_str()), ("number", &made.index.to_string())];
            sample(&mut page, "metes_heap_in_use_bytes", &labels, made.in_use);
        }
    }
    page
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A line. A label's value has backslashes, quotes and ends of lines escaped.
fn sample(page: &mut String, name: &str, labels: &[(&str, &str)], value: u64) {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> = labels.iter().map(|(key, text)| format!("{key}=\"{}\"", escaped(text))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(page, "{name}{labels} {value}");
}
