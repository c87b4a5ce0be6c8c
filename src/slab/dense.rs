//! Dense huge pages: where slabs of small objects fill one, and nothing of it was freed for a while, the kernel may put
//! it together from small pages: that costs no memory, and saves the processor's looking up of addresses.

use super::bins::Bins;
use super::slab::{Entry, Slab};
use crate::base::class::SizeClass;
use crate::base::config::{REGION_GRANULE, UNIT};
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;

/// Huge pages that are looked at while others wait for the lock.
const STEP: usize = 64;

/// As much of a huge page may be free.
const FREE_MOST: usize = REGION_GRANULE / 16;

impl Bins {
    /// Looks at a step's worth of a heap's huge pages from an address on: where to go on, and a page, the last looked
    /// at, that is to be put together. It is not offered again until something in it was given back.
    pub fn next_dense<S: PageSource>(&self, heap: &mut Heap<S>, from: usize) -> Option<(usize, Option<usize>)> {
        let mut at = from;
        for _ in 0..STEP {
            let page = heap.next_granule(at)?;
            at = page + REGION_GRANULE;
            if is_dense(heap, page, true) {
                settle(heap, page);
                return Some((at, Some(page)));
            }
        }
        Some((at, None))
    }

    /// Puts a huge page of a heap together, if some are dense that slabs took before they were many enough to ask for them: one, as
    /// the caller waits for it. None any more if the system once refuses: it may have looked for memory for long.
    pub(super) fn collapse_one<S: PageSource>(&mut self, heap: &Heap<S>) {
        if self.refused || !heap.gets_dense(self.bytes) {
            return;
        }
        for _ in 0..STEP {
            let Some(page) = heap.next_granule(self.collapsed) else {
                self.collapsed = 0;
                return;
            };
            self.collapsed = page + REGION_GRANULE;
            if is_dense(heap, page, false) {
                settle(heap, page);
                self.refused = !heap.source().collapse(page, REGION_GRANULE);
                return;
            }
        }
    }
}

/// Says of a huge page that it is to be put together.
fn settle<S: PageSource>(heap: &Heap<S>, page: usize) {
    let settles = |slab: &&Slab| slab.class().is_some_and(|class| class.has_slabs());
    slabs(heap, page).flatten().filter(settles).for_each(|slab| slab.set_settled(true));
    heap.ask_for_page(page);
}

/// The slab around each unit of a huge page.
fn slabs<S: PageSource>(heap: &Heap<S>, page: usize) -> impl Iterator<Item = Option<&'static Slab>> {
    let map = heap.page_map();
    (page..page + REGION_GRANULE).step_by(UNIT).map(|unit| map.slab_entry(unit).map(Entry::slab))
}

/// Whether nearly all of a huge page is objects in use, and it has small pages still; if it is to be `quiet`, also whether nothing was
/// freed there since the last purge.
fn is_dense<S: PageSource>(heap: &Heap<S>, page: usize, quiet: bool) -> bool {
    // What has a page or more may be touched in part.
    let small = |class: &SizeClass| class.has_slabs() && class.size() <= heap.source().page_size();
    let (mut free, mut settled) = (0, true);
    for slab in slabs(heap, page) {
        // A slab of several units counts for each: the more is free.
        free += match slab.and_then(|slab| Some((slab, slab.class().filter(small)?))) {
            Some((slab, _)) if quiet && slab.is_changed() => return false,
            Some((slab, class)) => {
                settled &= slab.is_settled();
                slab.free() * class.size()
            }
            None => UNIT,
        };
        if free > FREE_MOST {
            return false;
        }
    }
    !settled
}
