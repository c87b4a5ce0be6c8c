//! What a process's resident memory is: in use, waiting in caches, free in slabs or in heaps, records of metes, and
//! what is not metes' at all. The resident bytes of all parts together are those that the kernel counts for the process.

mod classes;
mod rest;

use super::walk::{Heap, Kind, Owner, Piece, Range};
use crate::process::maps::Map;
use crate::process::pages::Residencies;
pub use classes::ClassUse;
use classes::Classes;
pub use rest::Rest;
use serde::Serialize;

/// Bytes of address space, and how many of them are resident.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// All bytes.
    pub bytes: u64,
    /// Resident bytes.
    pub resident: u64,
}

impl Part {
    fn add(&mut self, bytes: u64, resident: u64) {
        self.bytes += bytes;
        self.resident += resident;
    }
}

/// What is of one owner: an arena, a compartment.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Parts {
    /// What the program has, rounded up to sizes of classes and blocks.
    pub in_use: Part,
    /// Freed, and waiting in caches of threads.
    pub cached: Part,
    /// Free in slabs.
    pub free_in_slabs: Part,
    /// Free in heaps.
    pub free_in_heaps: Part,
}

impl Parts {
    fn all(&self) -> [Part; 4] {
        [self.in_use, self.cached, self.free_in_slabs, self.free_in_heaps]
    }

    /// Bytes that are free and resident.
    pub fn free_resident(&self) -> u64 {
        self.free_in_slabs.resident + self.free_in_heaps.resident
    }

    /// Resident bytes.
    pub fn resident(&self) -> u64 {
        self.all().iter().map(|part| part.resident).sum()
    }
}

/// The whole picture.
#[derive(Default, Serialize)]
pub struct Usage {
    /// Resident bytes of the process.
    pub rss: u64,
    /// Bytes of the process in swap.
    pub swap: u64,
    /// What is in heaps and mappings.
    pub parts: Parts,
    /// Of these what is in mappings.
    pub mappings: Part,
    /// How many mappings there are.
    pub mapping_count: u64,
    /// Records of metes, and the library itself.
    pub metadata: Part,
    /// Guarded blocks, and ranges that are kept for later.
    pub kept: Part,
    /// Bytes of heaps and mappings on huge pages.
    pub huge: u64,
    /// Free bytes whose pages have gone back to the system, or were never touched.
    pub purged: u64,
    /// What is not metes'.
    pub rest: Rest,
    /// By arena.
    pub arenas: Vec<(usize, Parts)>,
    /// By compartment.
    pub compartments: Vec<(usize, Parts)>,
    /// By class, those with slabs.
    pub classes: Vec<ClassUse>,
}

impl Usage {
    /// Of a heap, with what the kernel says of the process's maps and of which pages are resident.
    pub fn of(heap: &Heap, maps: &[Map], pages: &Residencies) -> Self {
        let resident = |range: Range| pages.bytes(range.start, range.start + range.len);
        let mut usage = Self {
            rss: maps.iter().map(|map| map.rss).sum(),
            swap: maps.iter().map(|map| map.swap).sum(),
            ..Self::default()
        };
        let mut ours = Vec::new();
        let mut classes = Classes::of(heap);
        for region in &heap.regions {
            let mut parts = Parts::default();
            region.pieces.iter().for_each(|piece| one(piece, pages, &mut parts, &mut classes));
            usage.add(region.owner, &parts);
            ours.push((region.range, resident(region.range)));
        }
        for mapping in &heap.mappings {
            let bytes = resident(mapping.range);
            usage.mappings.add(mapping.range.len, bytes);
            ours.push((mapping.range, bytes));
        }
        usage.parts.in_use.add(usage.mappings.bytes, usage.mappings.resident);
        usage.mapping_count = heap.mappings.len() as u64;
        for &range in &heap.others {
            let bytes = resident(range);
            usage.kept.add(range.len, bytes);
            ours.push((range, bytes));
        }
        usage.purged = usage.parts.free_in_slabs.bytes + usage.parts.free_in_heaps.bytes - usage.parts.free_resident();
        usage.classes = classes.into_used();
        rest::share(&mut usage, heap, maps, ours);
        usage
    }

    fn add(&mut self, owner: Owner, parts: &Parts) {
        let (list, index) = match owner {
            Owner::Arena(index) => (&mut self.arenas, index),
            Owner::Compartment(index) => (&mut self.compartments, index),
        };
        let at = list.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            list.push((index, Parts::default()));
            list.len() - 1
        });
        for sum in [&mut self.parts, &mut list[at].1] {
            sum.in_use.add(parts.in_use.bytes, parts.in_use.resident);
            sum.cached.add(parts.cached.bytes, parts.cached.resident);
            sum.free_in_slabs.add(parts.free_in_slabs.bytes, parts.free_in_slabs.resident);
            sum.free_in_heaps.add(parts.free_in_heaps.bytes, parts.free_in_heaps.resident);
        }
    }
}

/// Adds a piece of a region.
fn one(piece: &Piece, pages: &Residencies, parts: &mut Parts, classes: &mut Classes) {
    let Range { start, len } = piece.range;
    let resident = pages.bytes(start, start + len);
    match &piece.kind {
        Kind::Free => parts.free_in_heaps.add(len, resident),
        Kind::Parked => parts.free_in_slabs.add(len, resident),
        // The program's pointer is behind the header.
        Kind::Block if classes.is_cached(start + 8) => parts.cached.add(len, resident),
        Kind::Block => parts.in_use.add(len, resident),
        Kind::Slab(slab) => classes.add(slab, piece.range, pages, resident, parts),
    }
}
