//! The heap against a shadow model, on the fake page source: random operations under every policy, with injected
//! failures. The validator runs after every operation, contents and alignment are checked, and at the end all is merged
//! back.

#![allow(unsafe_code)]

use super::block::Block;
use super::credit::Huge;
use super::free_list::Fit;
use super::headers::usable_size;
use super::heap::{BlockMisuse, Fresh, Heap};
use super::locate::Location;
use super::mapping::Mappings;
use super::page_map::PageMap;
use super::range_record::RecordPool;
use crate::base::config::{REGION_GRANULE, UNIT};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::sys::fake::{Fake, are_all};
use crate::sys::pages::PageSource;
use pages::page_size;
use proptest::prelude::*;
use std::boxed::Box;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

mod damage;
mod limits;
pub(crate) mod pages;

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
        // SAFETY: the caller's promise.
        unsafe { (**self).unreserve(address, len) }
    }
    unsafe fn unmap(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (**self).unmap(address, len) }
    }
    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (**self).remap(address, old_len, new_len, to) }
    }
    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        unsafe { (**self).remap_anywhere(address, old_len, new_len) }
    }
    unsafe fn purge(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (**self).purge(address, len) }
    }
}

/// A page map for one test. It is leaked, so it lives as long as a static.
pub(crate) fn leaked_map() -> &'static PageMap {
    let layout = std::alloc::Layout::new::<PageMap>();
    // SAFETY: a page map of zeroes is an empty one.
    unsafe { &*std::alloc::alloc_zeroed(layout).cast::<PageMap>() }
}

/// A heap with its own page map, record pool and source.
struct Bench {
    heap: Heap<Rc<Fake>>,
    mappings: Mappings<Rc<Fake>>,
    source: Rc<Fake>,
    map: &'static PageMap,
    records: &'static RecordPool,
}

impl Bench {
    fn new(fit: Fit, memory: usize) -> Self {
        Self::on(Fake::new(memory), fit)
    }

    fn on(source: Fake, fit: Fit) -> Self {
        let source = Rc::new(source);
        let map = leaked_map();
        let records: &'static RecordPool = Box::leak(Box::default());
        let mut heap = Heap::new(source.clone());
        heap.init(map, records);
        heap.set_trim(usize::MAX, usize::MAX, 0);
        heap.set_huge(Huge::Never);
        heap.configure(7, fit);
        let mappings = Mappings::new(source.clone(), map, records);
        Self { heap, mappings, source, map, records }
    }

    /// Frees as an arena does, and trims if that is due.
    fn free(&mut self, block: usize) -> Result<usize, BlockMisuse> {
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

    /// Asserts that all was freed: each segment is one free block, and nothing is left once the last region is given
    /// back.
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
        self.records.dissolve(&self.source);
        assert_eq!(self.source.mapped(), 0, "memory leaked");
    }
}

fn bytes(block: usize, len: usize) -> &'static mut [u8] {
    // SAFETY: tests pass blocks that they own.
    unsafe { core::slice::from_raw_parts_mut(pointer::at_mut(block), len) }
}

/// The block at an address that a heap gave.
fn block_at(address: usize) -> Block {
    // SAFETY: tests pass blocks that they own, or have owned.
    unsafe { Block::at(address) }
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
    /// Takes a new block into the model. Asserts that it is aligned, as large as promised, and on top of no other.
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
                    assert!(matches!(misuse, BlockMisuse::Freed(_) | BlockMisuse::NoHeader(_)));
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
    fn agrees_with_a_shadow_model(fit in fit(), page in page_size(), threshold in prop_oneof![Just(1usize << 16), Just(1 << 20), Just(usize::MAX)],
                                  decay in prop_oneof![Just(0u64), Just(500)],
                                  steps in prop::collection::vec(step(), 1..if cfg!(miri) { 40 } else { 300 })) {
        let mut bench = Bench::on(Fake::with_pages(64 << 20, page), fit);
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
    fn mappings_agree_with_a_shadow_model(page in page_size(), steps in prop::collection::vec((0u8..6, any::<usize>(), 1usize..1_000_000),
                                                                         1..if cfg!(miri) { 40 } else { 80 })) {
        let bench = Bench::on(Fake::with_pages(64 << 20, page), Fit::First);
        let mut live: Vec<(&'static super::range_record::RangeRecord, u8, usize)> = vec![];
        let mut fill = 0u8;
        for (what, which, n) in steps {
            match what {
                0 | 1 => if let Some(record) = bench.mappings.alloc(n, 1 << (which % 20)) {
                    prop_assert!(record.start().is_multiple_of(UNIT) && record.start().is_multiple_of(1 << (which % 20)));
                    prop_assert!(are_all(bytes(record.start(), record.len()), 0));
                    fill = fill.wrapping_add(1).max(1);
                    bytes(record.start(), record.len()).fill(fill);
                    live.push((record, fill, record.len()));
                },
                2 | 3 if !live.is_empty() => {
                    let (record, fill, len) = live.swap_remove(which % live.len());
                    prop_assert!(are_all(bytes(record.start(), len), fill));
                    prop_assert!(bench.mappings.free(record));
                    prop_assert!(!bench.mappings.free(record), "a double free went unnoticed");
                }
                4 if !live.is_empty() => {
                    let at = which % live.len();
                    let (record, fill, len) = live[at];
                    if let Some(start) = bench.mappings.resize(record, n) {
                        prop_assert_eq!(start, record.start());
                        prop_assert!(are_all(bytes(start, len.min(record.len())), fill));
                        bytes(start, record.len()).fill(fill);
                        live[at].2 = record.len();
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
        for (record, ..) in live {
            prop_assert!(bench.mappings.free(record));
        }
        // What could not be unmapped when it was freed is used again, so nothing is lost.
        while let Some(kept) = bench.records.find(|record| record.kind() == super::range_record::Kind::Retained) {
            let again = bench.mappings.alloc(kept.len(), UNIT).unwrap();
            prop_assert!(bench.mappings.free(again));
        }
        bench.finish();
    }
}

#[test]
fn fit_policies_choose_as_they_say() {
    // There are holes of 400, 600 and 500 bytes in address order, and behind them the free end of the region.
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
fn regions_join_and_part() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..200).map(|_| bench.heap.alloc(100_000).unwrap().block).collect();
    bench.check();
    let before = bench.heap.figures();
    assert!(before.regions >= 8, "{before:?}");
    // All but the first and the last block: the regions between go back, and their neighbours end with fences again.
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
    // The leaf of the page map must not stand between the regions.
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
    // A block that starts exactly where a joined region starts has its header at the end of the region before. A fence
    // would stand there if the regions were not joined.
    let mut bench = Bench::new(Fit::First, 64 << 20);
    // The leaf of the page map must not stand between the two regions.
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
