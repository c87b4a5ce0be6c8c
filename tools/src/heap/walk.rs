//! A walk over all that a heap has: regions and what stands in them, slabs, mappings, caches, compartments.
//!
//! The process goes on meanwhile, and may have damaged its heap. So each walk is bounded, and ends where a word is not
//! what it should be; what could not be read is counted in `Heap::torn`.

mod areas;
pub mod blocks;
pub mod caches;
mod ranges;
mod slabs;
mod window;

use super::source::{Record, Source};
use serde::{Deserialize, Serialize};

/// All that was found.
#[derive(Default, Serialize, Deserialize)]
pub struct Heap {
    /// The version of the library.
    pub version: String,
    /// Bytes of a class's objects, by class; the first is of no class.
    pub sizes: Vec<u64>,
    /// The arenas in use.
    pub arenas: Vec<Arena>,
    /// Heaps that the program has made by name, and tags.
    pub compartments: Vec<Compartment>,
    /// The regions of all of them, by address.
    pub regions: Vec<Region>,
    /// Mappings in use, by address.
    pub mappings: Vec<Mapping>,
    /// Ranges of other kinds.
    pub others: Vec<Range>,
    /// The caches of threads.
    pub caches: Vec<Cache>,
    /// Freed blocks that wait where blocks are checked, by address.
    pub quarantined: Vec<u64>,
    /// Freed blocks that wait in the lists of heaps that the program has made, by address.
    pub quick: Vec<u64>,
    /// What is left of runs that such heaps cut blocks off: by address of the first block.
    #[serde(skip)]
    pub rests: Vec<Range>,
    /// Where metes has records of its own: by address, without overlaps.
    pub records: Vec<Range>,
    /// Calls by operation, as `metes::Operation` numbers them.
    pub calls: Vec<u64>,
    /// Bytes of address space from the system, as metes counts them.
    pub mapped: u64,
    /// Pieces that were changing while they were read.
    pub torn: usize,
}

/// An arena, or the heap of a compartment: what it says of itself.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes of its regions.
    pub held: u64,
    /// The most that these have been.
    pub peak_held: u64,
    /// Free blocks.
    pub free_blocks: u64,
    /// The largest request that a free block can serve.
    pub largest_free: u64,
}

/// An arena.
#[derive(Default, Serialize, Deserialize)]
pub struct Arena {
    /// Its number.
    pub index: usize,
    /// Its heap.
    pub figures: Figures,
    /// How often its lock was taken, and waited for.
    pub locks: (u64, u64),
}

/// A heap that the program has made, or a tag.
#[derive(Default, Serialize, Deserialize)]
pub struct Compartment {
    /// Its number.
    pub index: usize,
    /// Its name, which may be empty.
    pub name: String,
    /// Its heap.
    pub figures: Figures,
    /// Bytes that the program has of it, with headers.
    pub in_use: u64,
    /// The most bytes that it may have; `None` for no limit.
    pub limit: Option<u64>,
    /// Blocks handed out, and taken back, so far.
    pub calls: (u64, u64),
}

/// Whose a region is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// The arena of this number.
    Arena(usize),
    /// The compartment of this number.
    Compartment(usize),
}

/// A range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// Its bytes.
    pub len: u64,
}

/// A region: a part of a heap, cut into pieces.
#[derive(Serialize, Deserialize)]
pub struct Region {
    /// Where it is.
    pub range: Range,
    /// Whose it is.
    pub owner: Owner,
    /// From here on nobody has touched it.
    pub untouched_from: u64,
    /// Its pieces by address, without gaps where the walk was whole.
    pub pieces: Vec<Piece>,
}

/// A piece of a region. A block that reaches from one region into the next is in the first.
#[derive(Serialize, Deserialize)]
pub struct Piece {
    /// Where it is, its header included.
    pub range: Range,
    /// What it is.
    pub kind: Kind,
}

/// What a piece is.
#[derive(Serialize, Deserialize)]
pub enum Kind {
    /// A free block.
    Free,
    /// A block in use.
    Block,
    /// A slab.
    Slab(Box<Slab>),
    /// A slab that stands ready, with no object in it.
    Parked,
    /// What was changing while it was read.
    Torn,
}

/// A slab.
#[derive(Serialize, Deserialize)]
pub struct Slab {
    /// The address of its first object.
    pub start: u64,
    /// Its class; 0 for a mixed slab.
    pub class: usize,
    /// How many objects, or grains of 16 bytes in a mixed slab, there are.
    pub count: usize,
    /// A bit for each, 1 if it is free.
    pub free: Vec<u64>,
    /// Of a mixed slab, a bit for each grain at which an object starts, or what follows one. Else nothing.
    pub starts: Vec<u64>,
}

/// A mapping.
#[derive(Serialize, Deserialize)]
pub struct Mapping {
    /// Where it is.
    pub range: Range,
    /// The bytes asked for.
    pub wanted: u64,
}

/// A thread's cache.
#[derive(Default, Serialize, Deserialize)]
pub struct Cache {
    /// The number of the thread that owns it; 0 for none.
    pub thread: u32,
    /// Its home arena.
    pub home: usize,
    /// The objects in it: address and class.
    pub objects: Vec<(u64, usize)>,
}

impl Range {
    /// From an address to another one.
    pub fn of(start: u64, end: u64) -> Self {
        Self { start, len: end.saturating_sub(start) }
    }

    /// The address after the last.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// Calls by operation so far, without a walk.
pub fn counters(source: &Source<'_>) -> Option<Vec<u64>> {
    let mut heap = Heap::default();
    caches::read(source, &mut heap, caches::Depth::Counts);
    areas::calls(source, &mut heap.calls);
    (!heap.calls.is_empty()).then_some(heap.calls)
}

/// Bytes of a grain, to which all sizes are rounded.
pub const GRAIN: u64 = 16;

impl Heap {
    /// Walks over all of a heap. `None` if the process has no memory to be read any more.
    pub fn walk(source: &Source<'_>) -> Option<Self> {
        let channel = &source.channel;
        let mut heap = Self { version: source.version(), ..Self::default() };
        heap.mapped = source.word(channel.mapped.get() as u64)?;
        let shapes = shapes(source)?;
        heap.sizes = shapes.iter().map(|shape| shape.size).collect();
        caches::read(source, &mut heap, caches::Depth::Objects);
        areas::read(source, &mut heap);
        arenas(source, &mut heap)?;
        compartments(source, &mut heap);
        let mut slabs = slabs::Slabs::new(source, &shapes);
        ranges::read(source, &mut heap, &mut slabs);
        heap.records.extend(slabs.records());
        heap.records = joined(std::mem::take(&mut heap.records));
        Some(heap)
    }
}

/// Ranges by address, those that touch or overlap made one.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut all: Vec<Range> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if last.end() >= range.start => last.len = last.len.max(range.end().saturating_sub(last.start)),
            _ => all.push(range),
        }
    }
    all
}

/// What a class is like.
pub(super) struct Shape {
    /// Bytes of an object.
    pub(super) size: u64,
    /// Objects of a slab.
    pub(super) objects: usize,
}

fn shapes(source: &Source<'_>) -> Option<Vec<Shape>> {
    const BYTES: usize = size_of::<metes::internals::class::Shape>();
    let count = (source.channel.classes as usize).min(1 << 10);
    let all = Record::read(source, source.channel.shapes.get() as u64, count * BYTES)?;
    let shape =
        |index: usize| Shape { size: all.u32(index * BYTES).into(), objects: all.u16(index * BYTES + 6).into() };
    Some((0..count).map(shape).collect())
}

fn figures(source: &Source<'_>, record: &Record, at: usize) -> Figures {
    let layout = &source.channel.heap;
    let word = |offset: u32| record.u64(at + offset as usize);
    Figures {
        held: word(layout.held),
        peak_held: word(layout.peak_held),
        free_blocks: word(layout.free_blocks),
        largest_free: blocks::largest_below(source, word(layout.root)),
    }
}

fn arenas(source: &Source<'_>, heap: &mut Heap) -> Option<()> {
    let (channel, layout) = (&source.channel, &source.channel.arena);
    let in_use = source.word(channel.arenas_in_use.get() as u64)?;
    for index in (0..channel.arenas_all.min(64) as usize).filter(|index| in_use & 1 << index != 0) {
        let address = channel.arenas.get() as u64 + (index * layout.arena as usize) as u64;
        let record = Record::read(source, address, layout.arena as usize)?;
        let word = |offset: u32| record.u64(offset as usize);
        heap.arenas.push(Arena {
            index,
            figures: figures(source, &record, layout.heap as usize),
            locks: (word(layout.entries), word(layout.waits)),
        });
    }
    Some(())
}

fn compartments(source: &Source<'_>, heap: &mut Heap) {
    const MOST: u64 = 1 << 20;
    let (channel, layout) = (&source.channel, &source.channel.compartment);
    let word = |address: usize| source.word(address as u64).unwrap_or(0);
    let (first, used) = (word(channel.compartments.get()), word(channel.compartments_used.get()));
    let used = used.min(MOST);
    heap.records.extend((first != 0).then_some(Range { start: first, len: used * u64::from(layout.compartment) }));
    for index in 0..used {
        let address = first + index * u64::from(layout.compartment);
        let Some(record) = Record::read(source, address, layout.compartment as usize) else { return };
        if record.u64(layout.state as usize) & 1 == 0 {
            continue;
        }
        let name = record.bytes().iter().skip(layout.name as usize).take(layout.name_bytes as usize);
        let name: Vec<u8> = name.take_while(|&&byte| byte != 0).copied().collect();
        let limit = record.u64(layout.limit as usize);
        heap.compartments.push(Compartment {
            index: index as usize,
            name: String::from_utf8_lossy(&name).into_owned(),
            figures: figures(source, &record, layout.heap as usize),
            in_use: limit.wrapping_sub(record.u64(layout.room as usize)),
            limit: (limit < i64::MAX.cast_unsigned()).then_some(limit),
            calls: (record.u64(layout.mallocs as usize), record.u64(layout.frees as usize)),
        });
        small(source, heap, &record);
    }
    heap.rests.sort_unstable_by_key(|rest| rest.start);
    heap.quick.sort_unstable();
    heap.quick.dedup();
}

/// What a compartment has of small blocks beside its heap.
fn small(source: &Source<'_>, heap: &mut Heap, record: &Record) {
    /// More blocks of a compartment than wait in its lists, as a rule: a list may have been made a circle.
    const MOST: usize = 1 << 20;
    let layout = &source.channel.small;
    let (next, end) = (record.u64(layout.next as usize), record.u64(layout.end as usize));
    heap.rests.extend((next < end).then(|| Range::of(next, end)));
    let mut left = MOST;
    for list in 0..layout.lists.min(1 << 10) as usize {
        let mut at = record.u64(layout.quick as usize + 8 * list);
        while at != 0 && left != 0 {
            let words = source.word(at).zip(source.word(at + 8)).zip(source.secret());
            let Some(((next, mark), secret)) = words else { break };
            if next ^ mark != (at ^ secret).wrapping_mul(layout.odd) {
                break;
            }
            heap.quick.push(at);
            (at, left) = (next, left - 1);
        }
    }
}
