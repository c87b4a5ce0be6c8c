//! What slabs hold, by size class.

use super::{Part, Parts, Residencies};
use crate::heap::walk::{GRAIN, Heap, Range, Slab};
use serde::Serialize;

/// What the slabs of a class hold.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct ClassUse {
    /// Bytes of an object; 0 for mixed slabs, whose objects are counted in bytes alone.
    pub size: u64,
    /// Slabs.
    pub slabs: u64,
    /// Objects that the program has.
    pub objects: u64,
    /// Bytes that the program has.
    pub in_use: Part,
    /// Objects in caches of threads.
    pub cached: Part,
    /// Free objects, and what is left over behind the last.
    pub free: Part,
}

/// Sums by class.
pub struct Classes {
    by_class: Vec<ClassUse>,
    sizes: Vec<u64>,
    /// What is in caches, by address.
    cached: Vec<u64>,
}

impl Classes {
    /// No slabs yet of a heap.
    pub fn of(heap: &Heap) -> Self {
        let mut cached: Vec<u64> =
            heap.caches.iter().flat_map(|cache| cache.objects.iter().map(|&(object, _)| object)).collect();
        cached.sort_unstable();
        let by_class = heap.sizes.iter().map(|&size| ClassUse { size, ..ClassUse::default() }).collect();
        Self { by_class, sizes: heap.sizes.clone(), cached }
    }

    /// Whether a cache has the object at an address.
    pub fn is_cached(&self, address: u64) -> bool {
        self.cached.binary_search(&address).is_ok()
    }

    /// Adds a slab, which is the piece at `range`, to its class and to `parts`.
    pub fn add(&mut self, slab: &Slab, range: Range, pages: &Residencies, resident: u64, parts: &mut Parts) {
        let size = if slab.class == 0 { GRAIN } else { self.sizes.get(slab.class).copied().unwrap_or(GRAIN) };
        let is_free = |index: usize| slab.free.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0);
        let (mut in_use, mut cached, mut objects) = (Part::default(), Part::default(), 0);
        let all_resident = resident == range.len;
        for index in (0..slab.count).filter(|&index| !is_free(index)) {
            let at = slab.start + index as u64 * size;
            let here = if all_resident { size } else { pages.bytes(at, at + size) };
            if self.is_cached(at) {
                cached.add(size, here);
            } else {
                in_use.add(size, here);
                objects += 1;
            }
        }
        if slab.class == 0 {
            // A grain is no object.
            objects = 0;
        }
        let rest = |part: fn(&Part) -> u64, all: u64| all.saturating_sub(part(&in_use) + part(&cached));
        let free = Part { bytes: rest(|part| part.bytes, range.len), resident: rest(|part| part.resident, resident) };
        if let Some(class) = self.by_class.get_mut(slab.class) {
            class.slabs += 1;
            class.objects += objects;
            for (sum, part) in [(&mut class.in_use, in_use), (&mut class.cached, cached), (&mut class.free, free)] {
                sum.add(part.bytes, part.resident);
            }
        }
        for (sum, part) in [(&mut parts.in_use, in_use), (&mut parts.cached, cached), (&mut parts.free_in_slabs, free)]
        {
            sum.add(part.bytes, part.resident);
        }
    }

    /// The classes that have slabs.
    pub fn into_used(self) -> Vec<ClassUse> {
        self.by_class.into_iter().filter(|class| class.slabs != 0).collect()
    }
}
