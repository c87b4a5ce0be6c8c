//! Where a process has a symbol.

use super::maps::Map;
use super::{Memory, Process};
use object::read::ReadCache;
use object::{Object, ObjectSegment, ObjectSymbol};
use std::collections::HashSet;
use std::fs::File;

/// The addresses at which modules of the process define a symbol: in the table of exports, or in the symbol table of a
/// program that is not stripped.
pub fn addresses_of(process: &Process, maps: &[Map], symbol: &str) -> Vec<u64> {
    let mut seen = HashSet::new();
    let modules = maps.iter().filter(|map| map.inode != 0 && seen.insert((map.inode, map.name.clone())));
    modules.filter_map(|map| address_in(process, map, symbol)).collect()
}

/// A module's file is reached through the process's own directory: it may be in another mount namespace, or deleted.
fn address_in(process: &Process, map: &Map, symbol: &str) -> Option<u64> {
    let pid = process.pid();
    let (start, end) = (map.start, map.end);
    let file = File::open(format!("/proc/{pid}/map_files/{start:x}-{end:x}"))
        .or_else(|_| File::open(format!("/proc/{pid}/root{}", map.name.trim_end_matches(" (deleted)"))))
        .ok()?;
    let parts = ReadCache::new(file);
    let file = object::File::parse(&parts).ok()?;
    let mut both = file.dynamic_symbols().chain(file.symbols());
    let found = both.find(|found| found.is_definition() && found.name() == Ok(symbol))?;
    // The segment that this range maps tells how far the module was moved.
    let segment = file.segments().find(|segment| {
        let (at, len) = segment.file_range();
        (at..at + len.max(1)).contains(&map.offset) || at / 4096 == map.offset / 4096
    })?;
    let base = start.wrapping_sub(map.offset).wrapping_add(segment.file_range().0).wrapping_sub(segment.address());
    Some(base.wrapping_add(found.address()))
}

/// The addresses, multiples of 8, at which bytes stand in the writable or once written parts of the program's own
/// file: for a program without symbols.
pub fn addresses_with(process: &Process, maps: &[Map], bytes: &[u8]) -> Vec<u64> {
    let Some(program) = maps.iter().find(|map| map.inode != 0).map(|map| map.name.clone()) else { return Vec::new() };
    let parts = maps.iter().filter(|map| map.name == program && map.readable && map.end - map.start < 1 << 30);
    parts.flat_map(|map| find_in(process, map, bytes)).collect()
}

fn find_in(process: &Process, map: &Map, bytes: &[u8]) -> Vec<u64> {
    let mut all = vec![0; (map.end - map.start) as usize];
    if !process.read(map.start, &mut all) {
        return Vec::new();
    }
    let at = (0..all.len().saturating_sub(bytes.len())).step_by(8).filter(|&at| all[at..].starts_with(bytes));
    at.map(|at| map.start + at as u64).collect()
}
