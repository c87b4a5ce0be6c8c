//! What slabs hold, by size class.

use super::{Part, Parts, Residencies};
use crate::heap::waiting::{State, Waiting};
use crate::heap::walk::{Heap, Range, Slab};
use serde::Serialize;

/// What the slabs of a class hold.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct ClassUse {
    /// Bytes of an object; 0 for mixed slabs, whose objects are counted by their own classes.
    pub size: u64,
    /// Slabs.
    pub slabs: u64,
    /// Objects that the program has in these.
    pub objects: u64,
    /// Objects of this size that the program has in mixed slabs.
    pub objects_in_mixed: u64,
    /// Bytes that the program has.
    pub in_use: Part,
    /// Objects in caches of threads.
    pub cached: Part,
    /// Objects in the quarantine.
    pub quarantined: Part,
    /// Free objects, and what is left over behind the last.
    pub free: Part,
}

/// Sums by class.
pub struct Classes {
    by_class: Vec<ClassUse>,
    sizes: Vec<u64>,
}

impl Classes {
    /// No slabs yet of a heap.
    pub fn of(heap: &Heap) -> Self {
        let by_class = heap.sizes.iter().map(|&size| ClassUse { size, ..ClassUse::default() }).collect();
        Self { by_class, sizes: heap.sizes.clone() }
    }

    /// Adds a slab, which is the piece at `range`, to its class and to `parts`.
    pub fn add(&mut self, slab: &Slab, range: Range, pages: &Residencies, waiting: &Waiting<'_>, parts: &mut Parts) {
        let resident = pages.bytes(range.start, range.end());
        let mut sums = [Part::default(); 3];
        let mut objects = 0;
        if slab.class != 0 && resident == range.len {
            let step = slab.step(&self.sizes);
            let waits = waiting.between(range.start, range.end()).map(|waits| waits.len() as u64);
            objects = (slab.out() as u64).saturating_sub(waits[0] + waits[1]);
            for (sum, count) in sums.iter_mut().zip([objects, waits[0], waits[1]]) {
                sum.add(count * step, count * step);
            }
        } else {
            let here = Residencies::of(pages.inside(range.start, range.end()).collect());
            let by_class = &mut self.by_class;
            slab.each_out(&self.sizes, |start, len| {
                let state = waiting.state(start);
                sums[state as usize].add(len, here.bytes(start, start + len));
                if state == State::InUse {
                    objects += 1;
                    if slab.class == 0
                        && let Ok(class) = self.sizes.binary_search(&len)
                    {
                        by_class[class].objects_in_mixed += 1;
                    }
                }
            });
        }
        let [in_use, cached, quarantined] = sums;
        let rest = |part: fn(&Part) -> u64, all: u64| all.saturating_sub(sums.iter().map(part).sum());
        let free = Part { bytes: rest(|part| part.bytes, range.len), resident: rest(|part| part.resident, resident) };
        if let Some(class) = self.by_class.get_mut(slab.class) {
            class.slabs += 1;
            class.objects += objects;
            class.in_use.join(in_use);
            class.cached.join(cached);
            class.quarantined.join(quarantined);
            class.free.join(free);
        }
        parts.in_use.join(in_use);
        parts.cached.join(cached);
        parts.quarantined.join(quarantined);
        parts.free_in_slabs.join(free);
    }

    /// The classes that have slabs, or objects in mixed ones.
    pub fn into_used(self) -> Vec<ClassUse> {
        self.by_class.into_iter().filter(|class| class.slabs + class.objects_in_mixed != 0).collect()
    }
}
