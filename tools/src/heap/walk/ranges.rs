//! Ranges: regions and what stands in them, mappings, and ranges of other kinds.

use super::slabs::{Found, Slabs};
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
        let Some(all) = (chunk != 0).then(|| Record::read(source, chunk, layout.chunk as usize)).flatten() else {
            break;
        };
        heap.records.push(chunk);
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
        heap.torn += usize::from(segment(source, slabs, &mut regions[first..last]).is_none());
        first = last;
    }
}

/// `None` if a header is not what it should be.
fn segment(source: &Source<'_>, slabs: &mut Slabs<'_>, regions: &mut [(Region, bool)]) -> Option<()> {
    let unit = u64::from(source.channel.map.unit);
    let start = regions.first()?.0.range.start;
    let end = regions.last().map(|(last, _)| last.range.start + last.range.len)?;
    // Behind a pad of eight bytes; a header stands before its block.
    let (mut header, mut region) = (start + 8, 0);
    while header + 8 < end {
        let slab = if (header + 8).is_multiple_of(unit) { slabs.at(header + 8) } else { None };
        let (size, kind) = match (blocks::header(source, header), slab) {
            (Ok(Some(found)), Some(slab)) if found.in_use => (found.size, slab_piece(slab).0),
            (_, Some(slab)) => {
                let (kind, units) = slab_piece(slab);
                (units * unit, kind)
            }
            (Ok(Some(found)), None) => (found.size, if found.in_use { Kind::Block } else { Kind::Free }),
            _ => return None,
        };
        if size < 16 || size > end - header {
            return None;
        }
        while regions[region].0.range.start + regions[region].0.range.len <= header {
            region += 1;
        }
        regions[region].0.pieces.push(Piece { range: Range { start: header, len: size }, kind });
        header += size;
    }
    Some(())
}

fn slab_piece(found: Found) -> (Kind, u64) {
    match found {
        Found::Slab(slab, units) => (Kind::Slab(slab), units),
        Found::Parked(units) => (Kind::Parked, units),
    }
}
