//! The validator of an arena's slabs.

#![allow(unsafe_code)]

use super::bins::{Bins, PARKED, SlabFigures};
use crate::base::class::SizeClass;
use crate::base::config::UNIT;
use crate::heap::check::Broken;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;

impl Bins {
    /// Checks each slab that the page map has in the heap's regions. The slab must be a block of its
    /// own, each of its units must lead to it, and its counts must agree with its bitmap. The bins must
    /// hold exactly the slabs with room, in order. The figures must be the sums over the slabs.
    pub fn check<S: PageSource>(&self, heap: &Heap<S>) -> Result<(), Broken> {
        let mut found = SlabFigures::default();
        let mut partial = 0;
        let mut broken = None;
        heap.for_each_unit(|unit| {
            let Some(entry) = heap.page_map().slab_entry(unit) else { return };
            let slab = entry.slab();
            let index = (unit - slab.start()) / UNIT;
            let wrong =
                heap.page_map().slab_entry(unit) != Some(slab.entry(index)) || unit >= slab.start() + slab.bytes();
            let figures = if index == 0 { slab.figures() } else { Some((0, 0)) };
            let what = match figures {
                _ if wrong => Some("the page map is wrong about a unit of a slab"),
                _ if heap.page_map().limit(unit) < slab.least_limit() => Some("a slab's limit is too low"),
                None => Some("a slab's count is not that of its bitmap"),
                Some(_) if index == 0 && !heap.is_block(slab.start(), slab.bytes()) => {
                    Some("a slab does not stand in a block of its own")
                }
                Some(_) if entry.class().is_some_and(|class| class.index() == PARKED) => {
                    found.parked += 1;
                    partial += 1;
                    return;
                }
                Some((objects, bytes)) => {
                    found.objects += objects;
                    found.object_bytes += bytes;
                    None
                }
            };
            if let Some(what) = what {
                broken = broken.or(Some(Broken { what, address: unit }));
            } else if index == 0 {
                found.slabs += 1;
                found.mixed += usize::from(slab.class().is_none());
                // SAFETY: the slab is this block, as checked above.
                found.bytes += unsafe { heap.size_of(slab.start()) };
                partial += usize::from(slab.free() != 0 || slab.class().is_none());
            }
        });
        if let Some(broken) = broken {
            return Err(broken);
        }
        let listed = self.check_trees()?;
        let ensure = |holds, what| if holds { Ok(()) } else { Err(Broken { what, address: 0 }) };
        ensure(listed == partial, "the bins do not hold all slabs with room")?;
        let pieces = found.object_bytes + self.free_pieces().bytes;
        ensure(pieces <= found.bytes + self.parked(), "more is free in slabs than they have")?;
        ensure(found == self.figures(), "the bins' figures are not the sums of the slabs")
    }

    /// How many slabs the bins hold. Each must be in order, and must have room unless it is a mixed slab.
    fn check_trees(&self) -> Result<usize, Broken> {
        let mut listed = 0;
        for index in 0..self.bins.len() {
            let (mut last, mut free, before) = (0, 0, listed);
            while let Some(slab) = self.slab_behind(index, last) {
                let (address, class) = (slab.start(), slab.class());
                let lacks_room = class.is_some() && slab.free() == 0 && index != PARKED;
                if class.map_or(0, SizeClass::index) != index || lacks_room {
                    return Err(Broken { what: "a slab is in a bin where it does not belong", address });
                }
                if index != PARKED && slab.is_empty() && self.bins[index].empty != Some(slab) {
                    return Err(Broken { what: "an empty slab was not given back", address });
                }
                last = address;
                listed += 1;
                free += slab.free();
            }
            if index == PARKED && listed - before != self.parked {
                return Err(Broken { what: "the parked slabs are not as many as are counted", address: 0 });
            }
            if !matches!(index, 0 | PARKED) && free != self.bins[index].free() {
                return Err(Broken { what: "a bin's free objects are not the sum of its slabs'", address: 0 });
            }
        }
        Ok(listed)
    }
}
