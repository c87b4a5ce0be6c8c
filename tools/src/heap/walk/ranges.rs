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
        let walk = Walk { source, rests: &heap.rests, unit: u64::from(source.channel.map.unit).max(1) };
        heap.torn += walk.segment(slabs, &mut regions[first..last]);
        first = last;
    }
}

/// How often a walk goes back to where it is sure of a header, before it gives up a part of the segment.
const TRIES: usize = 16;

/// A walk over the headers of a segment.
struct Walk<'a> {
    source: &'a Source<'a>,
    rests: &'a [Range],
    unit: u64,
}

impl Walk<'_> {
    /// Fills in the pieces. Returns how many parts could not be read, as they were changing.
    fn segment(&self, slabs: &mut Slabs<'_>, regions: &mut [(Region, bool)]) -> usize {
        let (Some(first), Some(last)) = (regions.first(), regions.last()) else { return 0 };
        let whole = Range::of(first.0.range.start, last.0.range.end());
        let mut pieces = Vec::new();
        let torn = self.pieces(slabs, whole, &mut pieces);
        if let [(only, _)] = regions {
            only.pieces = pieces;
            return torn;
        }
        let mut region = 0;
        for piece in pieces {
            while regions[region].0.range.end() <= piece.range.start && region + 1 < regions.len() {
                region += 1;
            }
            regions[region].0.pieces.push(piece);
        }
        torn
    }

    /// The piece whose header is at an address, in a segment that ends at `end`.
    fn piece(&self, slabs: &mut Slabs<'_>, window: &mut Window<'_>, header: u64, end: u64) -> Option<Piece> {
        let block = header + 8;
        let (len, kind) = match self.rests.binary_search_by_key(&block, |rest| rest.start) {
            // A header is written when a piece is cut off.
            Ok(rest) => (self.rests[rest].len.min(end - header), Kind::Free),
            Err(_) => {
                let slab = if block.is_multiple_of(self.unit) { slabs.at(block) } else { None };
                let known = |word| blocks::header(self.source, header, word);
                let read = window.word(header).and_then(known);
                match slab {
                    Some(slab) => {
                        let (kind, units) = slab_piece(slab);
                        // Its block may be larger.
                        let block = read.filter(|block| block.in_use).map_or(0, |block| block.size);
                        (block.max(units * self.unit), kind)
                    }
                    None => read
                        .or_else(|| window.word_now(header).and_then(known))
                        .map(|found| (found.size, if found.in_use { Kind::Block } else { Kind::Free }))?,
                }
            }
        };
        (16..=end - header).contains(&len).then_some(Piece { range: Range { start: header, len }, kind })
    }

    fn pieces(&self, slabs: &mut Slabs<'_>, whole: Range, pieces: &mut Vec<Piece>) -> usize {
        let (mut window, end) = (Window::new(self.source, whole.end()), whole.end());
        // Behind a pad of eight bytes; a header stands before its block.
        let (mut header, mut tries, mut torn) = (whole.start + 8, 0, 0);
        while header + 8 < end {
            if let Some(piece) = self.piece(slabs, &mut window, header, end) {
                header = piece.range.end();
                pieces.push(piece);
                continue;
            }
            // Blocks were joined or cut meanwhile. The last slab stands where it stood.
            if tries < TRIES {
                tries += 1;
                let sure =
                    pieces.iter().rposition(|piece| matches!(piece.kind, Kind::Slab(_))).map_or(0, |last| last + 1);
                pieces.truncate(sure);
                header = pieces.last().map_or(whole.start + 8, |last| last.range.end());
                window = Window::new(self.source, end);
                continue;
            }
            torn += 1;
            let next = (header + 9).next_multiple_of(self.unit);
            let next =
                (next..end).step_by(self.unit as usize).find(|&at| slabs.at(at).is_some()).map_or(end, |at| at - 8);
            pieces.push(Piece { range: Range::of(header, next), kind: Kind::Torn });
            header = next;
        }
        torn
    }
}

/// The kind of what stands at a slab's first unit, and its units.
fn slab_piece(found: Found) -> (Kind, u64) {
    match found {
        Found::Slab(slab, units) => (Kind::Slab(slab), units),
        Found::Parked(units) => (Kind::Parked, units),
    }
}
