//! The heap against a shadow model, on the fake page source: random operations under every policy, failures injected, the
//! validator after every operation, contents and alignment checked, and at the end all merged back.

#![allow(unsafe_code)]

use super::block;
use super::credit::Huge;
use super::free_list::Fit;
use super::heap::{Fresh, Heap, Misuse, usable_size};
use super::locate::Place;
use super::mapping::Mappings;
use super::page_map::PageMap;
use super::span::SpanPool;
use crate::base::config::{REGION_GRANULE, UNIT};
use crate::base::operation::Operation;
use crate::sys::fake::{Fake, are_all};
use crate::sys::pages::PageSource;
use proptest::prelude::*;
use std::boxed::Box;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

impl PageSource for Rc<Fake> {
    fn page_size(&self) -> usize {
        (**self).page_size()
    }
    fn map(&self, hint: usize, len: usize) -> Option<usize> {
        (**self).map(hint, len)
    }
    fn reserve(&self, len: usize) -> Option<usize> {
        (**self).reserve(len)
    }
    fn advise_huge(&self, address: usize, len: usize, wanted: bool) {
        (**self).advise_huge(address, len, wanted);
    }
    fn now(&self) -> u64 {
        (**self).now()
    }
    unsafe fn unreserve(&self, address: usize, len: usize) -> bool {
        // SAFETY: passed on.
        unsafe { (**self).unreserve(address, len) }
    }
    unsafe fn unmap(&self, address: usize, len: usize) -> bool {
        // SAFETY: passed on.
        unsafe { (**self).unmap(address, len) }
    }
    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool {
        // SAFETY: passed on.
        unsafe { (**self).remap(address, old_len, new_len, to) }
    }
    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe { (**self).remap_anywhere(address, old_len, new_len) }
    }
    unsafe fn purge(&self, address: usize, len: usize) -> bool {
        // SAFETY: passed on.
        unsafe { (**self).purge(address, len) }
    }
}

/// A page map of its own for a test. Leaked, as a static is.
pub(crate) fn leaked_map() -> &'static PageMap {
    let layout = std::alloc::Layout::new::<PageMap>();
    // SAFETY: a page map of zeroes is an empty one.
    unsafe { &*std::alloc::alloc_zeroed(layout).cast::<PageMap>() }
}

/// A heap with a page map, a pool and a source of its own.
struct Bench {
    heap: Heap<Rc<Fake>>,
    mappings: Mappings<Rc<Fake>>,
    source: Rc<Fake>,
    map: &'static PageMap,
    spans: &'static SpanPool,
}

impl Bench {
    fn new(fit: Fit, memory: usize) -> Self {
        let source = Rc::new(Fake::new(memory));
        let map = leaked_map();
        let spans: &'static SpanPool = Box::leak(Box::default());
        let mut heap = Heap::new(source.clone());
        heap.found(map, spans);
        heap.set_trim(usize::MAX, usize::MAX, 0);
        heap.set_huge(Huge::Never);
        heap.configure(7, fit);
        let mappings = Mappings::new(source.clone(), map, spans);
        Self { heap, mappings, source, map, spans }
    }

    /// Frees as an arena does: what is due is trimmed.
    fn free(&mut self, block: block::Block) -> Result<usize, Misuse> {
        let result = self.heap.free(block);
        if self.heap.is_over(0) {
            self.heap.trim_if_due(0);
        }
        result
    }

    fn check(&self) {
        self.heap.check().unwrap();
        self.mappings.check().unwrap();
    }

    /// Everything was freed: one free block a segment, and nothing left once the last region is given back.
    fn finish(mut self) {
        self.source.fail_every(0);
        self.source.fail_unmaps(false);
        self.check();
        let figures = self.heap.figures();
        assert_eq!((figures.live, figures.live_blocks), (0, 0));
        assert!(figures.free_blocks <= figures.regions, "free neighbours were not merged: {figures:?}");
        self.heap.trim();
        self.check();
        let figures = self.heap.figures();
        assert!(figures.regions <= figures.free_blocks.max(1), "{figures:?}");
        let left: Vec<_> = self.heap.regions().map(|region| (region.start(), region.len())).collect();
        for (start, len) in left {
            self.map.clear(start, len);
            // SAFETY: the test is over.
            assert!(unsafe { self.source.unmap(start, len) });
        }
        self.map.dissolve(&self.source, self.source.addresses());
        self.spans.dissolve(&self.source);
        assert_eq!(self.source.mapped(), 0, "memory leaked");
    }
}

fn bytes(block: usize, len: usize) -> &'static mut [u8] {
    // SAFETY: tests pass blocks they own.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(block), len) }
}

/// A live block as the model knows it.
struct Shadow {
    block: usize,
    asked: usize,
    fill: u8,
}

#[derive(Clone, Debug)]
enum Step {
    Alloc(usize),
    Zeroed(usize),
    Aligned(usize, u32),
    Free(usize),
    Resize(usize, usize),
    Trim,
    Need,
    FailEvery(usize),
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..300, 3 => 300usize..9000, 2 => 9000usize..200_000, 1 => 200_000usize..3_000_000]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => size().prop_map(Step::Alloc),
        2 => size().prop_map(Step::Zeroed),
        2 => (size(), prop_oneof![4u32..18, 18u32..23]).prop_map(|(n, align)| Step::Aligned(n, align)),
        9 => any::<usize>().prop_map(Step::Free),
        4 => (any::<usize>(), size()).prop_map(|(which, n)| Step::Resize(which, n)),
        1 => Just(Step::Trim),
        1 => Just(Step::Need),
        1 => (0usize..5).prop_map(Step::FailEvery),
    ]
}

fn fit() -> impl Strategy<Value = Fit> {
    prop_oneof![Just(Fit::First), Just(Fit::Best), Just(Fit::Worst)]
}

struct Model {
    bench: Bench,
    live: Vec<Shadow>,
    next_fill: u8,
}

impl Model {
    /// Takes a new block into the model: aligned, as large as promised, and on top of no other.
    fn accept(&mut self, fresh: Option<Fresh>, asked: usize, align: usize, zero: bool) {
        let Some(fresh) = fresh else { return };
        assert!(fresh.usable >= asked && fresh.block.is_multiple_of(align.max(16)));
        assert!(fresh.dirty <= fresh.usable);
        for other in &self.live {
            let apart = fresh.block + fresh.usable <= other.block || other.block + other.asked <= fresh.block;
            assert!(apart, "blocks overlap");
        }
        if zero {
            bytes(fresh.block, fresh.dirty).fill(0);
            assert!(are_all(bytes(fresh.block, fresh.usable), 0), "what was called clean is dirty");
        }
        self.next_fill = self.next_fill.wrapping_add(1).max(1);
        bytes(fresh.block, fresh.usable).fill(self.next_fill);
        self.live.push(Shadow { block: fresh.block, asked: fresh.usable, fill: self.next_fill });
    }

    fn assert_kept(shadow: &Shadow, len: usize) {
        assert!(are_all(bytes(shadow.block, len), shadow.fill), "contents were lost");
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Alloc(n) => {
                let fresh = self.bench.heap.alloc(n);
                self.accept(fresh, n, 16, false);
            }
            Step::Zeroed(n) => {
                let fresh = self.bench.heap.alloc(n);
                self.accept(fresh, n, 16, true);
            }
            Step::Aligned(n, align) => {
                let fresh = self.bench.heap.alloc_aligned(n, 1 << align);
                self.accept(fresh, n, 1 << align, false);
            }
            Step::Free(which) if !self.live.is_empty() => {
                let shadow = self.live.swap_remove(which % self.live.len());
                Self::assert_kept(&shadow, shadow.asked);
                assert_eq!(self.bench.free(shadow.block), Ok(shadow.asked));
                if let Err(misuse) = self.bench.free(shadow.block) {
                    assert!(matches!(misuse, Misuse::Freed(_) | Misuse::NoHeader(_)));
                } else {
                    panic!("a double free went unnoticed");
                }
            }
            Step::Resize(which, n) if !self.live.is_empty() => {
                let at = which % self.live.len();
                let (block, old) = (self.live[at].block, self.live[at].asked);
                if let Some(usable) = self.bench.heap.resize(block, n).unwrap() {
                    assert!(usable >= n);
                    Self::assert_kept(&self.live[at], old.min(usable));
                    bytes(block, usable).fill(self.live[at].fill);
                    self.live[at].asked = usable;
                }
            }
            Step::Trim => {
                self.bench.heap.trim();
            }
            Step::Need => {
                self.bench.heap.release_whole_regions();
            }
            Step::FailEvery(n) => self.bench.source.fail_every(if n < 2 { 0 } else { n }),
            Step::Free(_) | Step::Resize(..) => {}
        }
        self.bench.check();
    }
}

pub(crate) fn cases(full: u32) -> ProptestConfig {
    let soak = if std::env::var_os("METES_SOAK").is_some() { 20 } else { 1 };
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { full * soak }) }
}

proptest! {
    #![proptest_config(cases(96))]
    #[test]
    fn agrees_with_a_shadow_model(fit in fit(), threshold in prop_oneof![Just(1usize << 16), Just(1 << 20), Just(usize::MAX)],
                                  decay in prop_oneof![Just(0u64), Just(500)],
                                  steps in prop::collection::vec(step(), 1..if cfg!(miri) { 40 } else { 300 })) {
        let mut bench = Bench::new(fit, 64 << 20);
        bench.heap.set_trim(threshold, threshold.saturating_mul(16), decay);
        let mut model = Model { bench, live: vec![], next_fill: 0 };
        steps.into_iter().for_each(|step| model.run(step));
        for shadow in core::mem::take(&mut model.live) {
            Model::assert_kept(&shadow, shadow.asked);
            prop_assert!(model.bench.free(shadow.block).is_ok());
            model.bench.check();
        }
        model.bench.finish();
    }

    #[test]
    fn mappings_agree_with_a_shadow_model(steps in prop::collection::vec((0u8..6, any::<usize>(), 1usize..1_000_000),
                                                                         1..if cfg!(miri) { 40 } else { 80 })) {
        let bench = Bench::new(Fit::First, 64 << 20);
        let mut live: Vec<(&'static super::span::Span, u8, usize)> = vec![];
        let mut fill = 0u8;
        for (what, which, n) in steps {
            match what {
                0 | 1 => if let Some(span) = bench.mappings.alloc(n, 1 << (which % 20)) {
                    prop_assert!(span.start().is_multiple_of(UNIT) && span.start().is_multiple_of(1 << (which % 20)));
                    prop_assert!(are_all(bytes(span.start(), span.len()), 0));
                    fill = fill.wrapping_add(1).max(1);
                    bytes(span.start(), span.len()).fill(fill);
                    live.push((span, fill, span.len()));
                },
                2 | 3 if !live.is_empty() => {
                    let (span, fill, len) = live.swap_remove(which % live.len());
                    prop_assert!(are_all(bytes(span.start(), len), fill));
                    prop_assert!(bench.mappings.free(span));
                    prop_assert!(!bench.mappings.free(span), "a double free went unnoticed");
                }
                4 if !live.is_empty() => {
                    let at = which % live.len();
                    let (span, fill, len) = live[at];
                    if let Some(start) = bench.mappings.resize(span, n) {
                        prop_assert_eq!(start, span.start());
                        prop_assert!(are_all(bytes(start, len.min(span.len())), fill));
                        bytes(start, span.len()).fill(fill);
                        live[at].2 = span.len();
                    }
                }
                _ => {
                    bench.source.fail_every(if which % 3 == 0 { 2 + which % 4 } else { 0 });
                    bench.source.fail_unmaps(which % 5 == 0);
                }
            }
            if which % 7 == 0 {
                bench.mappings.release_retained();
            }
            bench.check();
            prop_assert_eq!(bench.mappings.figures().count, live.len());
            prop_assert_eq!(bench.mappings.figures().bytes, live.iter().map(|m| m.2).sum::<usize>());
        }
        bench.source.fail_every(0);
        bench.source.fail_unmaps(false);
        for (span, ..) in live {
            prop_assert!(bench.mappings.free(span));
        }
        // What could not be unmapped when it was freed is used again, so that nothing is lost.
        while let Some(kept) = bench.spans.find(|span| span.kind() == super::span::Kind::Retained) {
            let again = bench.mappings.alloc(kept.len(), UNIT).unwrap();
            prop_assert!(bench.mappings.free(again));
        }
        bench.finish();
    }
}

#[test]
fn fit_policies_choose_as_they_say() {
    // Holes of 400, 600 and 500 bytes in address order, and the free end of the region after them all.
    for (fit, expected) in [(Fit::First, 1), (Fit::Best, 2), (Fit::Worst, 3)] {
        let mut bench = Bench::new(fit, 16 << 20);
        let mut places: Vec<_> = [400, 600, 500]
            .into_iter()
            .map(|n| {
                let hole = bench.heap.alloc(n).unwrap().block;
                bench.heap.alloc(16).unwrap();
                hole
            })
            .collect();
        let last = bench.heap.alloc(16).unwrap();
        places.push(last.block + last.usable + 8);
        for &hole in &places[..3] {
            bench.heap.free(hole).unwrap();
        }
        assert_eq!(bench.heap.alloc(450).unwrap().block, places[expected], "{fit:?}");
        bench.check();
    }
}

#[test]
fn in_need_a_block_keeps_no_more_than_two_granules_of_its_region() {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let large = bench.heap.alloc(20 << 20).unwrap().block;
    bench.heap.free(large).unwrap();
    // In the middle of the one region.
    let below = bench.heap.alloc(9 << 20).unwrap().block;
    let pin = bench.heap.alloc(100).unwrap().block;
    bench.heap.free(below).unwrap();
    assert_eq!(bench.heap.figures().regions, 1);
    // It needs a record for each piece, and where the system takes nothing back all is as it was.
    bench.source.fail_unmaps(true);
    assert_eq!(bench.heap.release_whole_regions(), 0);
    bench.check();
    bench.source.fail_unmaps(false);
    assert!(bench.heap.release_whole_regions() >= 16 << 20);
    bench.check();
    assert!(bench.heap.figures().held <= 2 * REGION_GRANULE, "{:?}", bench.heap.figures());
    let again = bench.heap.alloc(20 << 20).unwrap();
    assert!(are_all(&bytes(again.block, again.usable)[again.dirty..], 0));
    bench.check();
    bench.heap.free(pin).unwrap();
    bench.heap.free(again.block).unwrap();
    assert!(bench.heap.release_whole_regions() != 0 && bench.heap.figures().held == 0);
    bench.finish();
}

#[test]
fn freed_memory_waits_for_the_decay_time() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..24).map(|_| bench.heap.alloc(1 << 20).unwrap().block).collect();
    let held = bench.heap.figures().held;
    // The fake clock goes on by 100 at each look, and there is a look at each free past the threshold.
    bench.heap.set_trim(1 << 20, 16 << 20, 500);
    for (index, &block) in blocks.iter().enumerate().take(12) {
        bench.free(block).unwrap();
        bench.check();
        let kept = bench.heap.figures().held == held;
        // The first is past the threshold by its header, and the sixth comes 500 later.
        assert_eq!(kept, index < 5, "after free {index}");
    }
    blocks[12..].iter().for_each(|&block| {
        bench.free(block).unwrap();
    });
    bench.finish();
}

#[test]
fn freed_memory_does_not_wait_when_it_is_much() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..24).map(|_| bench.heap.alloc(1 << 20).unwrap().block).collect();
    let held = bench.heap.figures().held;
    bench.heap.set_trim(1 << 16, 1 << 20, u64::MAX);
    let gave = blocks.iter().position(|&block| {
        bench.free(block).unwrap();
        bench.check();
        bench.heap.figures().held < held
    });
    // Sixteen blocks are twice the eight that are live then.
    assert_eq!(gave, Some(16));
    for &block in &blocks[17..] {
        bench.free(block).unwrap();
    }
    bench.finish();
}

#[test]
fn regions_join_and_part() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..200).map(|_| bench.heap.alloc(100_000).unwrap().block).collect();
    bench.check();
    let before = bench.heap.figures();
    assert!(before.regions >= 8, "{before:?}");
    // Everything but the first and last block: the regions between go back, and their neighbours end with fences again.
    for &block in &blocks[1..199] {
        bench.heap.free(block).unwrap();
    }
    bench.check();
    bench.heap.trim();
    bench.check();
    let after = bench.heap.figures();
    assert!(after.regions <= 2 && after.held <= before.held / 2, "{after:?}");
    bench.heap.free(blocks[0]).unwrap();
    bench.heap.free(blocks[199]).unwrap();
    bench.finish();
}

#[test]
fn a_heap_grows_by_what_the_free_block_at_its_start_lacks() {
    let mut bench = Bench::new(Fit::First, 128 << 20);
    // The page map's leaf is not to stand between the regions.
    let mapping = bench.mappings.alloc(1, UNIT).unwrap();
    for mib in 3..=24 {
        let block = bench.heap.alloc(mib << 20).unwrap().block;
        bench.check();
        bench.heap.free(block).unwrap();
        bench.check();
    }
    assert!(bench.heap.figures().held <= 28 << 20, "{:?}", bench.heap.figures());
    assert!(bench.mappings.free(mapping));
    bench.finish();
}

#[test]
fn a_block_on_a_seam_keeps_its_header() {
    // A block that starts exactly where a joined region starts has its header at the end of the region before: where a
    // fence would stand, if there were one.
    let mut bench = Bench::new(Fit::First, 64 << 20);
    // The page map's leaf is not to stand between the two regions.
    let mapping = bench.mappings.alloc(1, UNIT).unwrap();
    let upper = bench.heap.alloc(REGION_GRANULE - 4096).unwrap().block;
    let lower = bench.heap.alloc(REGION_GRANULE - 4096).unwrap().block;
    assert!(lower < upper, "the fake source gives lower addresses later");
    bench.heap.free(upper).unwrap();
    let seam = bench.heap.alloc_aligned(100, REGION_GRANULE).unwrap().block;
    let region = bench.map.get(seam).unwrap();
    assert_eq!((region.start(), region.joined.load(core::sync::atomic::Ordering::Relaxed)), (seam, 1));
    bench.heap.free(lower).unwrap();
    bench.heap.trim();
    bench.check();
    assert!(bench.heap.resize(seam, 200).unwrap().is_some());
    bench.heap.free(seam).unwrap();
    assert!(bench.mappings.free(mapping));
    bench.finish();
}

#[test]
fn growing_in_place_uses_the_free_neighbour() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let first = bench.heap.alloc(1000).unwrap().block;
    let second = bench.heap.alloc(1000).unwrap().block;
    assert_eq!(bench.heap.resize(first, 1500), Ok(None));
    bench.heap.free(second).unwrap();
    assert!(bench.heap.resize(first, 1500).unwrap().unwrap() >= 1500);
    bench.check();
    assert!(bench.heap.resize(first, 10).unwrap().unwrap() >= 10);
    bench.heap.free(first).unwrap();
    bench.finish();
}

#[test]
fn misuse_is_told_apart() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let block = bench.heap.alloc(100).unwrap().block;
    let region = bench.map.get(block).unwrap();
    assert!(matches!(bench.heap.free(block + 16), Err(Misuse::NoHeader(_))));
    assert!(matches!(bench.heap.free(block + 3), Err(Misuse::NoHeader(0))));
    // SAFETY: of the page map.
    let usable = |block| unsafe { usable_size(region, block) };
    assert!(matches!(usable(region.start()), Err(Misuse::NoHeader(0))));
    assert_eq!(bench.heap.locate(block + 16), Place::In { block, usable: 104, in_use: true });
    assert_eq!(usable(block), Ok(104));
    assert_eq!(bench.heap.free(block), Ok(104));
    assert!(matches!(bench.heap.free(block), Err(Misuse::Freed(_))));
    assert!(matches!(bench.heap.resize(block, 5), Err(Misuse::Freed(_))));
    assert_eq!(bench.heap.locate(8), Place::Outside);
    bench.finish();
}

#[test]
fn the_validator_sees_every_kind_of_damage() {
    let fresh = || {
        let mut bench = Bench::new(Fit::First, 16 << 20);
        let blocks: Vec<_> = (0..9).map(|_| bench.heap.alloc(200).unwrap().block).collect();
        for &block in blocks.iter().step_by(2) {
            bench.heap.free(block).unwrap();
        }
        bench.check();
        (bench, blocks)
    };
    let (bench, blocks) = fresh();
    let size = block::header(blocks[0]).unwrap().size();
    drop(bench);
    // A bit in the header of a block in use, of a free one, in each word of a node, in the boundary tag.
    let words =
        [(1, 0usize.wrapping_sub(8)), (2, 0usize.wrapping_sub(8)), (2, 0), (2, 8), (2, 16), (2, 24), (2, size - 16)];
    for (which, offset) in words {
        for bit in [0, 17, 35, 63] {
            let (bench, blocks) = fresh();
            bytes(blocks[which].wrapping_add(offset), 8)[bit / 8] ^= 1 << (bit % 8);
            assert!(bench.heap.check().is_err(), "bit {bit} at {offset} of block {which} went unseen");
        }
    }
    // Sealed words that lie: a flag, a size, the figures, the page map.
    let (bench, blocks) = fresh();
    let header = block::header(blocks[1]).unwrap();
    block::set_header(blocks[1], header.with_prev_in_use(!header.prev_in_use()));
    assert_eq!(bench.heap.check().unwrap_err().what, "a header is wrong about the block before");
    let (bench, blocks) = fresh();
    block::set_header(blocks[1], block::header(blocks[1]).unwrap().with_in_use(false));
    assert!(bench.heap.check().is_err());
    let (mut bench, _) = fresh();
    bench.heap.figures.live += 16;
    assert_eq!(bench.heap.check().unwrap_err().what, "the live bytes are not the sum of the blocks in use");
    let (bench, blocks) = fresh();
    bench.map.clear((blocks[0] & !(UNIT - 1)) + UNIT, UNIT);
    assert_eq!(bench.heap.check().unwrap_err().what, "the page map does not know a unit of a region");
}

#[test]
#[should_panic(expected = "M006 free block written to")]
fn a_written_link_is_reported_before_it_is_followed() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let blocks: Vec<_> = (0..9).map(|_| bench.heap.alloc(200).unwrap().block).collect();
    blocks.iter().step_by(2).for_each(|&block| assert!(bench.heap.free(block).is_ok()));
    blocks.iter().step_by(2).for_each(|&block| bytes(block, 32).fill(0x41));
    for _ in 0..20 {
        bench.heap.alloc(5000);
    }
}

#[test]
#[should_panic(expected = "M005 header overwritten")]
fn an_overflow_is_reported_when_its_neighbour_is_met() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let first = bench.heap.alloc(100).unwrap();
    bench.heap.alloc(100).unwrap();
    bytes(first.block, first.usable + 8).fill(0x41);
    let _ = bench.heap.free(first.block);
}

#[test]
fn sizes_no_block_can_have_are_refused() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let block = bench.heap.alloc(100).unwrap().block;
    for n in [32 << 30, 64 << 30, isize::MAX.unsigned_abs(), usize::MAX] {
        assert_eq!(bench.heap.alloc(n), None);
        assert_eq!(bench.heap.alloc_aligned(n, 4096), None);
        assert_eq!(bench.heap.resize(block, n), Ok(None));
        assert_eq!(bench.heap.alloc_aligned(100, 1 << 40), None);
    }
    bench.heap.free(block).unwrap();
    bench.finish();
}

#[test]
fn large_blocks_ask_for_huge_pages_as_far_as_others_were_seen_touched() {
    const MIB: usize = 1 << 20;
    let mut bench = Bench::new(Fit::Best, 128 * MIB);
    bench.heap.set_huge(Huge::Dense(usize::MAX));
    let mut blocks = Vec::new();
    let mut asks = |bench: &mut Bench, operation| {
        bench.heap.set_operation(operation);
        let block = bench.heap.alloc(6 * MIB).unwrap().block;
        blocks.push(block);
        (block, bench.source.is_huge((block + 3 * MIB) & !4095))
    };
    let (first, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "nothing is known yet");
    bench.heap.was_touched(first, 6 * MIB);
    assert!(!asks(&mut bench, Operation::Calloc).1, "nobody writes to all that calloc gives");
    let (second, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "a region of 8 MiB is more than was seen");
    bench.heap.was_touched(second, 6 * MIB);
    assert!(asks(&mut bench, Operation::Malloc).1);
    let (third, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "the one before may never be touched");
    bench.heap.was_touched(third, 6 * MIB);
    bench.check();
    blocks.into_iter().for_each(|block| {
        bench.free(block).unwrap();
    });
    bench.heap.trim();
    bench.heap.release_whole_regions();
    assert_eq!((bench.heap.credit.seen, bench.heap.credit.owed), (0, 0));
    bench.finish();
}

#[test]
fn out_of_memory_is_soft_at_every_call() {
    let (ways, blocks) = if cfg!(miri) { (4, 30) } else { (12, 200) };
    for n in 1..ways {
        let mut bench = Bench::new(Fit::Best, 16 << 20);
        bench.source.fail_every(n);
        let mut held = vec![];
        let mut refused = 0;
        for i in 0..blocks {
            match bench.heap.alloc(i * 700) {
                Some(fresh) => held.push(fresh.block),
                None => refused += 1,
            }
            bench.check();
        }
        assert!(n > 1 || refused > 0);
        bench.source.fail_every(0);
        held.into_iter().for_each(|block| assert!(bench.heap.free(block).is_ok()));
        bench.finish();
    }
}
