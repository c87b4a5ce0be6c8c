//! The figures as a page of text.

use crate::heap::usage::{Part, Parts, Usage};
use crate::heap::verdict::verdicts;
use crate::heap::walk::Figures;
use crate::snapshot::Snapshot;
use crate::text::{bytes, count, percent};
use std::fmt::Write;

/// How wide the bars are.
const BAR: u64 = 24;
/// How many classes and named heaps are shown.
const SHOWN: usize = 8;

/// The page.
pub fn text(snapshot: &Snapshot, usage: &Usage, all: bool) -> String {
    let mut page = String::new();
    let Snapshot { pid, name, heap, .. } = snapshot;
    let _ = writeln!(page, "{name} ({pid}) on metes {}: {} resident\n", heap.version, bytes(usage.rss));
    resident(&mut page, usage);
    page.push('\n');
    for (_, sentence) in verdicts(usage) {
        wrapped(&mut page, &sentence);
    }
    page.push('\n');
    heaps(&mut page, snapshot, usage);
    classes(&mut page, usage, if all { usize::MAX } else { SHOWN });
    calls(&mut page, snapshot);
    page
}

fn resident(page: &mut String, usage: &Usage) {
    let Parts { in_use, cached, quarantined, free_in_slabs, free_in_heaps } = usage.parts;
    let mut sum = 0;
    let mut row = |what: &str, Part { resident, .. }: Part, more: String| {
        sum += resident;
        let bar = if usage.rss == 0 { 0 } else { (resident * BAR).div_ceil(usage.rss).min(BAR) };
        let bar = "#".repeat(if resident * 200 < usage.rss { 0 } else { bar as usize });
        let line = format!("  {what:<22}{:>10} {:>6}  {bar:<24} {more}", bytes(resident), percent(resident, usage.rss));
        let _ = writeln!(page, "{}", line.trim_end());
    };
    let of = |part: Part| if part.bytes == part.resident { String::new() } else { format!("of {}", bytes(part.bytes)) };
    row("in use", in_use, of(in_use));
    row("cached by threads", cached, of(cached));
    if quarantined.bytes != 0 {
        row("in quarantine", quarantined, of(quarantined));
    }
    row("free in slabs", free_in_slabs, of(free_in_slabs));
    row("free in heaps", free_in_heaps, of(free_in_heaps));
    row("kept, guarded", usage.kept, of(usage.kept));
    row("records of metes", usage.metadata, String::new());
    let rest = &usage.rest;
    let parts = [("files", rest.files), ("stack", rest.stack), ("brk", rest.brk), ("anonymous", rest.anonymous)];
    let parts = parts.iter().filter(|&&(_, n)| n != 0).map(|&(what, n)| format!("{what} {}", bytes(n)));
    row("not metes'", Part { bytes: rest.resident, resident: rest.resident }, parts.collect::<Vec<_>>().join(", "));
    let _ = writeln!(page, "  {:<22}{:>10} {:>6}", "together", bytes(sum), percent(sum, usage.rss));
    let _ = writeln!(
        page,
        "\n  purged {}: free, and not resident; on huge pages {}; in swap {}",
        bytes(usage.purged),
        bytes(usage.huge),
        bytes(usage.swap)
    );
}

/// Lines of at most 100 characters.
fn wrapped(page: &mut String, sentence: &str) {
    let mut line = String::from(" ");
    for word in sentence.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            let _ = writeln!(page, "{line}");
            line = "   ".into();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(page, "{line}");
}

fn heaps(page: &mut String, snapshot: &Snapshot, usage: &Usage) {
    let _ = writeln!(
        page,
        "{:<24}{:>10} {:>10} {:>10} {:>10} {:>10} {:>14}",
        "heap", "held", "in use", "cached", "free", "resident", "could serve"
    );
    let mut row = |name: String, figures: &Figures, parts: Option<&Parts>| {
        let parts = parts.copied().unwrap_or_default();
        let free = parts.free_in_slabs.bytes + parts.free_in_heaps.bytes;
        let _ = writeln!(
            page,
            "{name:<24}{:>10} {:>10} {:>10} {:>10} {:>10} {:>14}",
            bytes(figures.held),
            bytes(parts.in_use.bytes),
            bytes(parts.cached.bytes),
            bytes(free),
            bytes(parts.resident()),
            bytes(figures.largest_free),
        );
    };
    for arena in &snapshot.heap.arenas {
        let parts = usage.arenas.iter().find(|(index, _)| *index == arena.index).map(|(_, parts)| parts);
        row(format!("arena {}", arena.index), &arena.figures, parts);
    }
    let mut made: Vec<_> = snapshot.heap.compartments.iter().collect();
    made.sort_by_key(|heap| std::cmp::Reverse(heap.in_use));
    for heap in made.iter().take(SHOWN) {
        let parts = usage.compartments.iter().find(|(index, _)| *index == heap.index).map(|(_, parts)| parts);
        row(
            if heap.name.is_empty() { format!("heap {}", heap.index) } else { heap.name.clone() },
            &heap.figures,
            parts,
        );
    }
    if made.len() > SHOWN {
        let _ = writeln!(page, "and {} heaps more", made.len() - SHOWN);
    }
    let Usage { mappings, mapping_count, .. } = usage;
    if *mapping_count != 0 {
        let _ = writeln!(
            page,
            "{:<24}{:>10} {:>10} {:>10} {:>10} {:>10}",
            format!("{mapping_count} mappings"),
            bytes(mappings.bytes),
            bytes(mappings.bytes),
            "",
            "",
            bytes(mappings.resident)
        );
    }
    page.push('\n');
}

fn classes(page: &mut String, usage: &Usage, most: usize) {
    let mut classes: Vec<_> = usage.classes.iter().collect();
    classes.sort_by_key(|class| std::cmp::Reverse(class.in_use.resident + class.cached.resident + class.free.resident));
    if classes.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "{:<24}{:>10} {:>10} {:>10} {:>10} {:>10} {:>14}",
        "slabs of", "slabs", "in use", "cached", "free", "resident", "objects"
    );
    for class in classes.iter().take(most) {
        let name = if class.size == 0 { "several sizes".into() } else { format!("{} bytes", count(class.size)) };
        let objects = if class.size == 0 { "-".into() } else { count(class.objects) };
        let _ = writeln!(
            page,
            "{name:<24}{:>10} {:>10} {:>10} {:>10} {:>10} {objects:>14}",
            count(class.slabs),
            bytes(class.in_use.bytes),
            bytes(class.cached.bytes),
            bytes(class.free.bytes),
            bytes(class.in_use.resident + class.cached.resident + class.free.resident),
        );
    }
    if classes.len() > most {
        let _ = writeln!(page, "and {} classes more: --all", classes.len() - most);
    }
    page.push('\n');
}

fn calls(page: &mut String, snapshot: &Snapshot) {
    let call = |operation: metes::Operation| count(snapshot.heap.calls.get(operation as usize).copied().unwrap_or(0));
    use metes::Operation::{Aligned, Calloc, Free, Malloc, Realloc};
    let threads = snapshot.heap.caches.iter().filter(|cache| cache.thread != 0).count();
    let (taken, waited) = snapshot
        .heap
        .arenas
        .iter()
        .fold((0, 0), |(taken, waited), arena| (taken + arena.locks.0, waited + arena.locks.1));
    let _ = writeln!(
        page,
        "calls: malloc {}, calloc {}, realloc {}, aligned {}, free {}; {threads} threads with caches; locks taken {} times, waited for {} times",
        call(Malloc),
        call(Calloc),
        call(Realloc),
        call(Aligned),
        call(Free),
        count(taken),
        count(waited),
    );
    if snapshot.heap.torn != 0 {
        let _ = writeln!(page, "{} parts of the heap were changing, and are not in these figures", snapshot.heap.torn);
    }
}
