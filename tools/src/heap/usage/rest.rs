//! What is not in heaps: the records of metes, and what is not metes' at all.

use super::{Map, Range, Residencies, Usage};
use serde::Serialize;

/// What is not metes', in resident bytes.
#[derive(Clone, Default, Debug, Serialize)]
pub struct Rest {
    /// All of it.
    pub resident: u64,
    /// Files that are mapped: the program, its libraries, data.
    pub files: u64,
    /// The stack of the first thread. Those of others are anonymous memory.
    pub stack: u64,
    /// The area that brk moves the end of.
    pub brk: u64,
    /// Anonymous memory: stacks of threads, what the program has mapped itself.
    pub anonymous: u64,
    /// The largest maps: name, address, resident bytes.
    pub largest: Vec<(String, u64, u64)>,
}

/// How many of the largest are named.
const NAMED: usize = 12;

/// Shares out all that is resident and not in heaps. `ours` has the ranges that are metes'.
pub fn share(usage: &mut Usage, maps: &[Map], pages: &Residencies, mut ours: Vec<Range>) {
    ours.sort_unstable_by_key(|range| range.start);
    let library = library(maps);
    let mut rest = Rest::default();
    let mut named = Vec::new();
    for map in maps.iter().filter(|map| map.rss != 0) {
        let left = map.rss.saturating_sub(held(map, pages, &ours));
        if library.contains(&map.start) {
            usage.metadata.add(map.end - map.start, left);
            continue;
        }
        rest.resident += left;
        match map.name.as_str() {
            "[stack]" => rest.stack += left,
            "[heap]" => rest.brk += left,
            _ if map.inode != 0 => rest.files += left,
            _ => rest.anonymous += left,
        }
        if left != 0 {
            let name = if map.name.is_empty() { "anonymous memory" } else { &map.name };
            named.push((name.to_owned(), map.start, left));
        }
    }
    named.sort_by_key(|&(_, _, left)| std::cmp::Reverse(left));
    named.truncate(NAMED);
    rest.largest = named;
    usage.rest = rest;
}

/// How many resident bytes of a map are metes'.
fn held(map: &Map, pages: &Residencies, ours: &[Range]) -> u64 {
    let first = ours.partition_point(|range| range.end() <= map.start);
    let inside = ours[first..].iter().take_while(|range| range.start < map.end);
    inside.map(|range| pages.bytes(map.start.max(range.start), map.end.min(range.end()))).sum()
}

/// Whether a map is of the library's file.
pub fn is_library(map: &Map) -> bool {
    map.name.rsplit('/').next().is_some_and(|name| name.starts_with("libmetes.so"))
}

/// The first addresses of the library's maps: those of its file, and the anonymous one right behind them.
pub fn library(maps: &[Map]) -> Vec<u64> {
    let mut found: Vec<u64> = maps.iter().filter(|map| is_library(map)).map(|map| map.start).collect();
    for pair in maps.windows(2) {
        if is_library(&pair[0]) && pair[1].inode == 0 && pair[1].name.is_empty() && pair[1].start == pair[0].end {
            found.push(pair[1].start);
        }
    }
    found
}
