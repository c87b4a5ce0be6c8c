//! What a process's resident memory is: in use, waiting in caches, free in slabs or in heaps, records of metes, and
//! what is not metes' at all. The resident bytes of all parts together are those that the kernel counts for the process.

mod classes;
mod rest;

use super::waiting::{State, Waiting};
use super::walk::{Heap, Kind, Owner, Piece, Range};
use crate::process::maps::Map;
use crate::process::pages::Residencies;
pub use classes::ClassUse;
use classes::Classes;
pub use rest::{Rest, is_library, library};
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

    fn join(&mut self, other: Self) {
        self.add(other.bytes, other.resident);
    }
}

/// What is of one owner: an arena, a compartment.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Parts {
    /// What the program has, rounded up to sizes of classes and blocks.
    pub in_use: Part,
    /// Freed, and waiting in caches of threads.
    pub cached: Part,
    /// Freed, and waiting in the quarantine, where blocks are checked.
    pub quarantined: Part,
    /// Free in slabs.
    pub free_in_slabs: Part,
    /// Free in heaps.
    pub free_in_heaps: Part,
}

impl Parts {
    fn all(&self) -> [Part; 5] {
        [self.in_use, self.cached, self.quarantined, self.free_in_slabs, self.free_in_heaps]
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
        let waiting = Waiting::of(heap);
        let mut classes = Classes::of(heap);
        for region in &heap.regions {
            let mut parts = Parts::default();
            region.pieces.iter().for_each(|piece| one(piece, pages, &waiting, &mut parts, &mut classes));
            usage.add(region.owner, &parts);
            ours.push(region.range);
        }
        for mapping in &heap.mappings {
            let bytes = resident(mapping.range);
            // A checked mapping waits by the address that the program had.
            let sum = match waiting.state(mapping.range.start) {
                State::InUse => &mut usage.parts.in_use,
                State::Cached => &mut usage.parts.cached,
                State::Quarantined => &mut usage.parts.quarantined,
            };
            sum.add(mapping.range.len, bytes);
            usage.mappings.add(mapping.range.len, bytes);
            ours.push(mapping.range);
        }
        usage.mapping_count = heap.mappings.len() as u64;
        for &range in &heap.others {
            usage.kept.add(range.len, resident(range));
            ours.push(range);
        }
        usage.huge = ours.iter().map(|range| pages.huge(range.start, range.end())).sum();
        for &range in &heap.records {
            usage.metadata.add(range.len, resident(range));
            ours.push(range);
        }
        usage.purged = usage.parts.free_in_slabs.bytes + usage.parts.free_in_heaps.bytes - usage.parts.free_resident();
        usage.classes = classes.into_used();
        rest::share(&mut usage, maps, pages, ours);
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
            sum.in_use.join(parts.in_use);
            sum.cached.join(parts.cached);
            sum.quarantined.join(parts.quarantined);
            sum.free_in_slabs.join(parts.free_in_slabs);
            sum.free_in_heaps.join(parts.free_in_heaps);
        }
    }
}

/// Adds a piece of a region.
fn one(piece: &Piece, pages: &Residencies, waiting: &Waiting<'_>, parts: &mut Parts, classes: &mut Classes) {
    let Range { start, len } = piece.range;
    let resident = || pages.bytes(start, start + len);
    match &piece.kind {
        Kind::Free => parts.free_in_heaps.add(len, resident()),
        Kind::Parked => parts.free_in_slabs.add(len, resident()),
        // The program's pointer is behind the header.
        Kind::Block => match waiting.state(start + 8) {
            State::InUse => parts.in_use.add(len, resident()),
            State::Cached => parts.cached.add(len, resident()),
            State::Quarantined => parts.quarantined.add(len, resident()),
        },
        // Most of what changes is in use.
        Kind::Torn => parts.in_use.add(len, resident()),
        Kind::Slab(slab) => classes.add(slab, piece.range, pages, waiting, parts),
    }
}
