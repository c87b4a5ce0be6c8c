//! What slabs give back: whole pages that only free objects reach into, and empty slabs.

#![allow(unsafe_code)]

use super::bins::{Bins, PARKED};
use crate::base::class::SizeClass;
use crate::base::config::GRAIN;
use crate::heap::heap::Heap;
use crate::sys::pages::{PageSource, Purges};

/// How far a purge in steps has come: a bin, and the address of the last slab done in it.
#[derive(Clone, Copy)]
pub struct Purged {
    bin: usize,
    start: usize,
}

impl Purged {
    /// Nothing is done yet.
    pub const NOTHING: Self = Self { bin: 0, start: 0 };
}

impl Bins {
    /// Gives the empty slabs that are kept back to the heap.
    pub fn release_empty<S: PageSource>(&mut self, heap: &mut Heap<S>) {
        for class in SizeClass::slabs() {
            if let Some(empty) = self.bins[class.index()].empty.take() {
                self.dissolve(heap, empty);
            }
        }
        self.mixing.records.purge(heap);
    }

    /// Gives back the whole pages that only free objects reach into, in all slabs that have changed.
    /// Returns how many bytes.
    pub fn purge<S: PageSource>(&mut self, heap: &Heap<S>) -> usize {
        let (mut given, mut at) = (0, Some(Purged::NOTHING));
        while let Some(from) = at {
            at = self.purge_some(heap, from, usize::MAX, &mut given);
        }
        given
    }

    /// The same, from where a purge has come to, until about so many bytes have been looked at. `None`
    /// when all is done.
    pub fn purge_some<S: PageSource>(
        &mut self,
        heap: &Heap<S>,
        from: Purged,
        mut bytes: usize,
        given: &mut usize,
    ) -> Option<Purged> {
        let Purged { mut bin, mut start } = from;
        if (bin, start) == (0, 0) {
            self.dirty = 0;
        }
        let mut purges = Purges::new(heap.source());
        let mut more = None;
        'bins: while bin <= PARKED {
            let mut next = self.slab_behind(bin, start);
            while let Some(slab) = next {
                start = slab.start();
                if slab.take_changed() {
                    let looked = slab.bytes();
                    let end = start + looked;
                    slab.lower_limit(heap.page_map());
                    if slab.class().is_some() {
                        slab.set_settled(false);
                    }
                    slab.for_each_free_run(|from, to| {
                        // The last grain holds the next slab's header, which goes too if it can.
                        // SAFETY: the slab ends there.
                        let to = if to == end - GRAIN && unsafe { heap.can_purge_header(end) } { end } else { to };
                        // SAFETY: the run is free, and the arena is locked.
                        unsafe { heap.purge_inside(&mut purges, from, to) };
                    });
                    if bytes <= looked {
                        more = Some(Purged { bin, start });
                        break 'bins;
                    }
                    bytes -= looked;
                }
                next = self.slab_behind(bin, start);
            }
            (bin, start) = (bin + 1, 0);
        }
        *given += purges.finish();
        more
    }
}
