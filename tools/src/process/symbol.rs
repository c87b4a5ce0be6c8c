//! Where a process has a symbol.

use super::maps::Map;
use super::{Memory, Process};
use object::read::ReadCache;
use object::{Object, ObjectSegment, ObjectSymbol};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

/// No more of a program's file, or of a map, is searched.
const LONGEST: u64 = 1 << 30;

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

/// The addresses at which bytes stand in the file of the program, or of a library of metes that was replaced: for what
/// has no symbols, or whose file cannot be had any more.
pub fn addresses_with(process: &Process, maps: &[Map], bytes: &[u8]) -> Vec<u64> {
    let program = fs::metadata(format!("/proc/{}/exe", process.pid())).map(|file| file.ino()).unwrap_or(0);
    let is_ours =
        |map: &&Map| map.readable && map.inode != 0 && (map.inode == program || map.name.contains("libmetes"));
    let mut found = Vec::new();
    let mut whole = None;
    for map in maps.iter().filter(is_ours) {
        if map.inode == program {
            // From the file: the process's own pages need not be touched.
            let all = whole.get_or_insert_with(|| program_of(process).unwrap_or_default());
            let part = all.get(map.offset as usize..).unwrap_or_default();
            let part = &part[..part.len().min((map.end - map.start) as usize)];
            found.extend(places(part, bytes).map(|at| map.start + at));
        } else {
            let mut part = vec![0; (map.end - map.start).min(LONGEST) as usize];
            if process.read(map.start, &mut part) {
                found.extend(places(&part, bytes).map(|at| map.start + at));
            }
        }
    }
    found
}

fn program_of(process: &Process) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    File::open(format!("/proc/{}/exe", process.pid()))?.take(LONGEST).read_to_end(&mut all)?;
    Ok(all)
}

/// Where bytes stand in others, at multiples of 8.
fn places<'a>(all: &'a [u8], bytes: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
    let chunks = all.windows(bytes.len()).step_by(8).enumerate();
    chunks.filter(move |(_, part)| *part == bytes).map(|(index, _)| index as u64 * 8)
}
