//! Ranges: regions and what stands in them, mappings, and ranges of other kinds.

use super::slabs::{Found, Slabs};
use super::window::Window;
use super::{Heap, Kind, Mapping, Owner, Piece, Range, Region, blocks};
use crate::heap::source::{Record, Source};
use metes::internals::{COMPARTMENT, RangeKind};

/// More chunks of records than there can be.
const CHUNKS: usize = 1 << 20;

/// Reads all range records, and walks the regions.
pub fn read(source: &Source<'_>, heap: &mut Heap, slabs: &mut Slabs<'_>) {
    let layout = &source.channel.range;
    let (mut chunk, mut regions) =
        (source.word(source.channel.ranges.get() as u64 + u64::from(layout.chunks)).unwrap_or(0), Vec::new());
    for _ in 0..CHUNKS {
        let Some(all) = (chunk != 0).then(|| Record::untouched(source, chunk, layout.chunk as usize)).flatten() else {
            break;
        };
        heap.records.push(Range { start: chunk, len: layout.chunk.into() });
        let step = (layout.record as usize).max(8);
        let count = (all.u64(8) as usize).min(layout.chunk as usize / step - 1);
        (1..=count).for_each(|index| record(source, heap, &mut regions, &all, index * step));
        chunk = all.u64(0);
    }
    regions.sort_unstable_by_key(|region: &(Region, bool)| region.0.range.start);
    pieces(source, heap, slabs, &mut regions);
    heap.regions = regions.into_iter().map(|(region, _)| region).collect();
    heap.mappings.sort_unstable_by_key(|mapping| mapping.range.start);
}

/// One record, as it stands in a chunk.
fn record(source: &Source<'_>, heap: &mut Heap, regions: &mut Vec<(Region, bool)>, all: &Record, at: usize) {
    let layout = &source.channel.range;
    let word = |offset: u32| all.u64(at + offset as usize);
    let range = Range { start: word(layout.start), len: word(layout.len) };
    let kind = all.u32(at + layout.state as usize) & 7;
    let is = |which: RangeKind| kind == which as u32;
    if is(RangeKind::Region) {
        let arena = all.u32(at + layout.arena as usize);
        let owner = match arena & COMPARTMENT {
            0 => Owner::Arena(arena as usize),
            _ => Owner::Compartment((arena & !COMPARTMENT) as usize),
        };
        let joined = all.u32(at + layout.joined as usize) != 0;
        let untouched_from = word(layout.untouched_from);
        regions.push((Region { range, owner, untouched_from, pieces: Vec::new() }, joined));
    } else if is(RangeKind::Mapping) {
        heap.mappings.push(Mapping { range, wanted: word(layout.untouched_from).min(range.len) });
    } else if is(RangeKind::Retained) || is(RangeKind::Guarded) || is(RangeKind::Destroyed) {
        heap.others.push(range);
    }
}

/// Walks each segment, one or more regions that are joined, from its first header to its fence.
fn pieces(source: &Source<'_>, heap: &mut Heap, slabs: &mut Slabs<'_>, regions: &mut [(Region, bool)]) {
    let mut first = 0;
    while first < regions.len() {
        let joins = |index: usize| {
            let (before, after) = (&regions[index - 1].0, &regions[index]);
            after.1 && before.owner == after.0.owner && before.range.start + before.range.len == after.0.range.start
        };
        let last = (first + 1..regions.len()).find(|&index| !joins(index)).unwrap_or(regions.len());
        heap.torn += segment(source, slabs, &mut regions[first..last]);
        first = last;
    }
}

/// How often a walk goes back to where it is sure of a header, before it gives up a part of the segment.
const TRIES: usize = 16;

/// Returns how many parts could not be read, as they were changing.
fn segment(source: &Source<'_>, slabs: &mut Slabs<'_>, regions: &mut [(Region, bool)]) -> usize {
    let [first, .., last] = regions else {
        return regions.first_mut().map_or(0, |(only, _)| {
            let (range, unit) = (only.range, u64::from(source.channel.map.unit).max(1));
            walk(source, slabs, range, unit, &mut only.pieces)
        });
    };
    let whole = Range::of(first.0.range.start, last.0.range.end());
    let mut pieces = Vec::new();
    let torn = walk(source, slabs, whole, u64::from(source.channel.map.unit).max(1), &mut pieces);
    let mut region = 0;
    for piece in pieces {
        while regions[region].0.range.end() <= piece.range.start && region + 1 < regions.len() {
            region += 1;
        }
        regions[region].0.pieces.push(piece);
    }
    torn
}

fn walk(source: &Source<'_>, slabs: &mut Slabs<'_>, whole: Range, unit: u64, pieces: &mut Vec<Piece>) -> usize {
    let (mut window, end) = (Window::new(source, whole.end()), whole.end());
    // Behind a pad of eight bytes; a header stands before its block.
    let (mut header, mut tries, mut torn) = (whole.start + 8, 0, 0);
    while header + 8 < end {
        let slab = if (header + 8).is_multiple_of(unit) { slabs.at(header + 8) } else { None };
        let read = window.word(header).and_then(|word| blocks::header(source, header, word));
        let read = read.or_else(|| window.word_now(header).and_then(|word| blocks::header(source, header, word)));
        let found = match (slab, read) {
            (Some(slab), read) => {
                let (kind, units) = slab_piece(slab);
                // Its block may be larger.
                let block = read.filter(|block| block.in_use).map_or(0, |block| block.size);
                Some((block.max(units * unit), kind))
            }
            (None, read) => read.map(|found| (found.size, if found.in_use { Kind::Block } else { Kind::Free })),
        };
        if let Some((len, kind)) = found.filter(|&(len, _)| (16..=end - header).contains(&len)) {
            pieces.push(Piece { range: Range { start: header, len }, kind });
            header += len;
            continue;
        }
        // Blocks were joined or cut meanwhile. The last slab stands where it stood.
        if tries < TRIES {
            tries += 1;
            let sure = pieces.iter().rposition(|piece| matches!(piece.kind, Kind::Slab(_))).map_or(0, |last| last + 1);
            pieces.truncate(sure);
            header = pieces.last().map_or(whole.start + 8, |last| last.range.end());
            window = Window::new(source, end);
            continue;
        }
        torn += 1;
        let next = (header + 9).next_multiple_of(unit);
        let next = (next..end).step_by(unit as usize).find(|&at| slabs.at(at).is_some()).map_or(end, |at| at - 8);
        pieces.push(Piece { range: Range::of(header, next), kind: Kind::Torn });
        header = next;
    }
    torn
}

/// The kind of what stands at a slab's first unit, and its units.
fn slab_piece(found: Found) -> (Kind, u64) {
    match found {
        Found::Slab(slab, units) => (Kind::Slab(slab), units),
        Found::Parked(units) => (Kind::Parked, units),
    }
}
