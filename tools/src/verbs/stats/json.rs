//! The figures as one JSON object.

use crate::heap::usage::Usage;
use crate::heap::verdict::verdicts;
use crate::snapshot::Snapshot;
use serde_json::json;

/// One line.
pub fn text(snapshot: &Snapshot, usage: &Usage) -> String {
    let heap = &snapshot.heap;
    let call = |operation: metes::Operation| heap.calls.get(operation as usize).copied().unwrap_or(0);
    let arenas: Vec<_> = heap
        .arenas
        .iter()
        .map(|arena| {
            let parts = usage.arenas.iter().find(|(index, _)| *index == arena.index).map(|(_, parts)| parts);
            json!({
                "index": arena.index, "held_bytes": arena.figures.held, "peak_held_bytes": arena.figures.peak_held,
                "free_blocks": arena.figures.free_blocks, "largest_free_bytes": arena.figures.largest_free,
                "locks": arena.locks.0, "lock_waits": arena.locks.1, "parts": parts,
            })
        })
        .collect();
    let heaps: Vec<_> = heap
        .compartments
        .iter()
        .map(|made| {
            let parts = usage.compartments.iter().find(|(index, _)| *index == made.index).map(|(_, parts)| parts);
            json!({
                "index": made.index, "name": made.name, "held_bytes": made.figures.held, "in_use_bytes": made.in_use,
                "limit_bytes": made.limit, "largest_free_bytes": made.figures.largest_free,
                "mallocs": made.calls.0, "frees": made.calls.1, "parts": parts,
            })
        })
        .collect();
    let caches: Vec<_> = heap
        .caches
        .iter()
        .map(|cache| json!({ "thread": cache.thread, "home": cache.home, "objects": cache.objects.len() }))
        .collect();
    let verdicts: Vec<_> =
        verdicts(usage).into_iter().map(|(what, text)| json!({ "what": what, "text": text })).collect();
    let all = json!({
        "pid": snapshot.pid, "name": snapshot.name, "taken": snapshot.taken, "version": heap.version,
        "calls": {
            "malloc": call(metes::Operation::Malloc), "calloc": call(metes::Operation::Calloc),
            "realloc": call(metes::Operation::Realloc), "aligned": call(metes::Operation::Aligned),
            "free": call(metes::Operation::Free),
        },
        "mapped_bytes": heap.mapped, "torn": heap.torn, "usage": usage, "arenas": arenas, "heaps": heaps,
        "caches": caches, "verdicts": verdicts,
    });
    format!("{all}\n")
}
