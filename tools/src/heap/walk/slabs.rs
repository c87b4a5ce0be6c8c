//! Slabs: the page map's entries, and the records that these lead to.

use super::{GRAIN, Range, Shape, Slab};
use crate::heap::source::{Record, Source};
use std::collections::{HashMap, HashSet};

/// Reads slabs, and keeps what it needs for the next one.
pub struct Slabs<'a> {
    source: &'a Source<'a>,
    shapes: &'a [Shape],
    /// The entries of the units of a leaf, by the leaf's place in the root.
    leaves: HashMap<u64, Vec<u64>>,
    chunks: HashMap<u64, Option<Record>>,
    seen: HashSet<u64>,
}

/// What stands at a unit.
pub enum Found {
    /// A slab of so many units.
    Slab(Box<Slab>, u64),
    /// Such a slab that stands ready.
    Parked(u64),
}

impl<'a> Slabs<'a> {
    /// For the slabs of a heap.
    pub fn new(source: &'a Source<'a>, shapes: &'a [Shape]) -> Self {
        Self { source, shapes, leaves: HashMap::new(), chunks: HashMap::new(), seen: HashSet::new() }
    }

    /// Where records and leaves were found.
    pub fn records(self) -> impl Iterator<Item = Range> {
        let (chunk, leaf) = (self.chunk_bytes(), u64::from(self.source.channel.map.leaf_bytes));
        let chunks = self.chunks.into_keys().map(move |start| Range { start, len: chunk });
        chunks.chain(self.seen.into_iter().map(move |start| Range { start, len: leaf }))
    }

    fn chunk_bytes(&self) -> u64 {
        u64::from(self.source.channel.slab.chunk).max(4096)
    }

    /// The page map's entry of the unit at an address; 0 if no slab stands there.
    pub fn entry(&mut self, address: u64) -> u64 {
        let layout = &self.source.channel.map;
        let unit = address / u64::from(layout.unit);
        let (root, index) = (unit / u64::from(layout.leaf_units), unit % u64::from(layout.leaf_units));
        if root >= u64::from(layout.roots) {
            return 0;
        }
        if !self.leaves.contains_key(&root) {
            let leaf = self.source.word(self.source.channel.page_map.get() as u64 + root * 8).unwrap_or(0);
            let bytes = layout.leaf_units as usize * 8;
            let entries =
                (leaf != 0).then(|| Record::untouched(self.source, leaf + u64::from(layout.slabs), bytes)).flatten();
            self.seen.extend((leaf != 0).then_some(leaf));
            self.leaves.insert(root, entries.map_or_else(Vec::new, |all| all.words().collect()));
        }
        self.leaves[&root].get(index as usize).copied().unwrap_or(0)
    }

    /// The slab that starts at an address, if one does.
    pub fn at(&mut self, address: u64) -> Option<Found> {
        let layout = &self.source.channel.slab;
        let entry = self.entry(address);
        if entry == 0 {
            return None;
        }
        let record = (entry >> layout.entry_shift) * u64::from(layout.align);
        let (start, class, units) = self.record(record)?;
        if start != address || units == 0 {
            return None;
        }
        if class >= self.source.channel.slab_classes as usize {
            return Some(Found::Parked(units));
        }
        let bytes = units * u64::from(self.source.channel.map.unit);
        let count = match class {
            // The last grain belongs to no object.
            0 => (bytes / GRAIN) as usize - 1,
            _ => self.shapes.get(class)?.objects,
        };
        let bits = if class == 0 { (bytes / GRAIN) as usize } else { count };
        let free = self.bitmap(record, 0, bits)?;
        let starts = if class == 0 { self.bitmap(record, bits.div_ceil(64), bits)? } else { Vec::new() };
        Some(Found::Slab(Box::new(Slab { start, class, count, free, starts }), units))
    }

    /// The start, the class and the units of a record.
    fn record(&mut self, address: u64) -> Option<(u64, usize, u64)> {
        let layout = &self.source.channel.slab;
        let (chunk, at) = self.chunk(address)?;
        let start = chunk.u64(at + layout.start as usize);
        let class = chunk.u8(at + layout.class as usize);
        let units = chunk.u8(at + layout.units as usize);
        Some((start, class.into(), units.into()))
    }

    /// The words of so many bits, from a word of the bitmap on.
    fn bitmap(&mut self, record: u64, first: usize, bits: usize) -> Option<Vec<u64>> {
        let offset = self.source.channel.slab.bitmap as usize + 8 * first;
        let (chunk, at) = self.chunk(record)?;
        Some((0..bits.div_ceil(64)).map(|word| chunk.u64(at + offset + 8 * word)).collect())
    }

    /// The chunk of metadata around an address, and the offset in it.
    fn chunk(&mut self, address: u64) -> Option<(&Record, usize)> {
        let len = self.chunk_bytes();
        let start = address / len * len;
        let chunk = self.chunks.entry(start).or_insert_with(|| Record::untouched(self.source, start, len as usize));
        chunk.as_ref().map(|chunk| (chunk, (address - start) as usize))
    }
}
