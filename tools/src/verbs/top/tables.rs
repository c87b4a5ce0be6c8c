//! The tables below the bar: classes, heaps, threads' caches, and what else is mapped.

use super::state::State;
use super::tab::Tab;
use crate::text::{bytes, count};
use std::cmp::Reverse;

/// A table: a name for each row, and numbers.
pub struct Table {
    /// What the rows are, and then the columns.
    pub head: Vec<&'static str>,
    /// The texts of each row.
    pub rows: Vec<Vec<String>>,
    /// By which column it is sorted.
    pub sorted: usize,
}

/// A number as it is shown, and by which rows are sorted.
struct Cell(u64, String);

fn size(n: u64) -> Cell {
    Cell(n, bytes(n))
}

fn number(n: u64) -> Cell {
    Cell(n, count(n))
}

/// The table that was chosen, sorted as it was chosen: by each column in turn, the largest first.
pub fn table(state: &State) -> Table {
    let (head, mut rows) = match state.tab {
        Tab::Classes => classes(state),
        Tab::Heaps => heaps(state),
        Tab::Threads => threads(state),
        Tab::Maps => maps(state),
    };
    let sorted = 1 + state.sort % (head.len() - 1);
    rows.sort_by_key(|(_, cells)| Reverse(cells.get(sorted - 1).map_or(0, |cell| cell.0)));
    let text =
        |(name, cells): (String, Vec<Cell>)| [name].into_iter().chain(cells.into_iter().map(|cell| cell.1)).collect();
    Table { head, rows: rows.into_iter().map(text).collect(), sorted }
}

type Rows = (Vec<&'static str>, Vec<(String, Vec<Cell>)>);

fn classes(state: &State) -> Rows {
    let row = |class: &crate::heap::usage::ClassUse| {
        let name = if class.size == 0 { "several".into() } else { format!("{} B", count(class.size)) };
        let resident =
            [class.in_use, class.cached, class.quarantined, class.free].iter().map(|part| part.resident).sum();
        let objects = class.objects + if class.size == 0 { 0 } else { class.objects_in_mixed };
        let cells = [
            size(resident),
            size(class.in_use.bytes),
            size(class.cached.bytes),
            size(class.free.bytes),
            number(objects),
        ];
        (name, cells.into())
    };
    (vec!["slabs of", "resident", "in use", "cached", "free", "objects"], state.usage.classes.iter().map(row).collect())
}

fn heaps(state: &State) -> Rows {
    let (heap, usage) = (&state.snapshot.heap, &state.usage);
    let row = |name: String, parts: Option<&crate::heap::usage::Parts>, held: u64, largest: u64| {
        let parts = parts.copied().unwrap_or_default();
        let free = parts.free_in_slabs.bytes + parts.free_in_heaps.bytes;
        (name, vec![size(parts.resident()), size(parts.in_use.bytes), size(free), size(held), size(largest)])
    };
    let find = |list: &'_ [(usize, crate::heap::usage::Parts)], index: usize| {
        list.iter().find(|(known, _)| *known == index).map(|(_, parts)| *parts)
    };
    let mut rows: Vec<_> = heap
        .arenas
        .iter()
        .map(|arena| {
            let parts = find(&usage.arenas, arena.index);
            row(format!("arena {}", arena.index), parts.as_ref(), arena.figures.held, arena.figures.largest_free)
        })
        .collect();
    rows.extend(heap.compartments.iter().map(|made| {
        let name = if made.name.is_empty() { format!("heap {}", made.index) } else { made.name.clone() };
        row(name, find(&usage.compartments, made.index).as_ref(), made.figures.held, made.figures.largest_free)
    }));
    if usage.mapping_count != 0 {
        let all = usage.mappings;
        let cells = vec![size(all.resident), size(all.bytes), size(0), size(all.bytes), size(0)];
        rows.push((format!("{} mappings", count(usage.mapping_count)), cells));
    }
    (vec!["heap", "resident", "in use", "free", "held", "could serve"], rows)
}

fn threads(state: &State) -> Rows {
    let sizes = &state.snapshot.heap.sizes;
    let row = |cache: &crate::heap::walk::Cache| {
        let name = match (cache.thread, state.threads.get(&cache.thread)) {
            (0, _) => "nobody's".into(),
            (thread, Some(name)) => format!("{name} {thread}"),
            (thread, None) => format!("{thread}, ended"),
        };
        let held = cache.objects.iter().map(|&(_, class)| sizes.get(class).copied().unwrap_or(0)).sum();
        (name, vec![size(held), number(cache.objects.len() as u64), number(cache.home as u64)])
    };
    (vec!["cache of", "cached", "objects", "arena"], state.snapshot.heap.caches.iter().map(row).collect())
}

fn maps(state: &State) -> Rows {
    let row = |(name, start, resident): &(String, u64, u64)| {
        (name.clone(), vec![size(*resident), Cell(*start, format!("{start:x}"))])
    };
    (vec!["not metes'", "resident", "address"], state.usage.rest.largest.iter().map(row).collect())
}
