//! Dense huge pages. If slabs of small objects fill a huge page, and nothing of it was freed for a while, the
//! kernel may collapse its small pages into one. That costs no memory, and saves the processor address look-ups.

use super::bins::Bins;
use super::slab::{Entry, Slab};
use crate::base::class::SizeClass;
use crate::base::config::{REGION_GRANULE, UNIT};
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;

/// How many huge pages a step looks at. Other threads wait for the lock meanwhile.
const STEP: usize = 64;

/// The most bytes of a dense huge page that may be free.
const FREE_MOST: usize = REGION_GRANULE / 16;

impl Bins {
    /// Looks at one step's worth of a heap's huge pages from an address on. Returns where to go on, and the last page
    /// looked at if it should be collapsed. That page is not offered again until something in it has been given back.
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

    /// Collapses one huge page of a heap that is dense and that slabs took while they were too few to
    /// ask for huge pages. Only one, as the caller waits for it. After one refusal of the system none:
    /// it may have searched long for memory.
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

/// Notes that a huge page is to be collapsed.
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

/// Whether nearly all of a huge page is objects in use, and it still has small pages. With `quiet`,
/// also whether nothing there was freed since the last purge.
fn is_dense<S: PageSource>(heap: &Heap<S>, page: usize, quiet: bool) -> bool {
    // An object larger than a page may be touched only in part.
    let small = |class: &SizeClass| class.has_slabs() && class.size() <= heap.source().page_size();
    let (mut free, mut settled) = (0, true);
    for slab in slabs(heap, page) {
        // A slab of several units is counted for each of them, so the sum is higher than what is free.
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
