//! Bins against a shadow model, on the fake page source. Objects of all classes are taken and given
//! back at random, and failures are injected. The validators run after every operation, and contents
//! are checked. At the end all slabs are back in the heap.

#![allow(unsafe_code)]

use super::bins::Bins;
use super::metadata::Metadata;
use super::misuse::ObjectMisuse;
use super::slab::Entry;
use crate::base::class::{SLAB_CLASSES, SizeClass};
use crate::base::config::UNIT;
use crate::base::pointer;
use crate::base::shared::AtomicUsize;
use crate::heap::credit::Huge;
use crate::heap::free_list::Fit;
use crate::heap::headers::header_at;
use crate::heap::heap::Heap;
use crate::heap::range_record::RecordPool;
use crate::heap::tests::pages::page_size;
use crate::heap::tests::{cases, leaked_map};
use crate::sys::fake::{Fake, are_all};
use core::sync::atomic::Ordering::Relaxed;
use proptest::prelude::*;
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::vec::Vec;
use std::{format, vec};

mod mixed;

struct Bench {
    heap: Heap<Rc<Fake>>,
    bins: Bins,
    source: Rc<Fake>,
    live: Vec<(SizeClass, usize)>,
}

fn fill(address: usize, size: usize) {
    // SAFETY: an object of a slab on the fake source, which the test has taken.
    unsafe { pointer::at_mut::<u8>(address).write_bytes((address / 16 % 251) as u8, size) };
}

fn is_filled(address: usize, size: usize) -> bool {
    // SAFETY: as above, and filled.
    let bytes = unsafe { core::slice::from_raw_parts(pointer::at::<u8>(address), size) };
    are_all(bytes, (address / 16 % 251) as u8)
}

impl Bench {
    fn new(fit: Fit, memory: usize) -> Self {
        Self::on(Fake::new(memory), fit)
    }

    fn on(source: Fake, fit: Fit) -> Self {
        let source = Rc::new(source);
        let map = leaked_map();
        let records: &'static RecordPool = Box::leak(Box::default());
        let metadata: &'static Metadata = Box::leak(Box::default());
        let mut heap = Heap::new(source.clone());
        heap.init(map, records);
        heap.set_trim(usize::MAX, usize::MAX, 0);
        heap.set_huge(Huge::Never);
        let mut bins = Bins::empty();
        bins.init(metadata);
        heap.configure(5, fit);
        Self { heap, bins, source, live: Vec::new() }
    }

    fn entry(&self, address: usize) -> Entry {
        self.heap.page_map().slab_entry(address).unwrap()
    }

    fn take(&mut self, class: SizeClass, count: usize) {
        let places: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        let got = self.bins.take(&mut self.heap, class, &places);
        assert!(got <= count);
        for object in places[count - got..].iter().rev().map(|place| place.load(Relaxed)) {
            let entry = self.entry(object);
            assert_eq!((entry.object_at(object).unwrap().class, entry.arena()), (class, 5));
            assert!(entry.is_out(object));
            let inside = object + class.size() - 16;
            assert!(inside == object || self.entry(inside).object_at(inside).is_none());
            assert!(object.is_multiple_of(1 << class.size().trailing_zeros()) || entry.class().is_none());
            fill(object, class.size());
            self.live.push((class, object));
        }
    }

    fn take_all(&mut self, class: SizeClass, count: usize) {
        let end = self.live.len() + count;
        while self.live.len() < end {
            self.take(class, end - self.live.len());
        }
    }

    fn give(&mut self, index: usize) {
        let (class, object) = self.live.swap_remove(index);
        assert!(is_filled(object, class.size()));
        if class.size() > 16 {
            assert_eq!(self.bins.give(&mut self.heap, object + 16), Err(ObjectMisuse::Interior(16, class.size())));
        }
        assert_eq!(self.bins.give(&mut self.heap, object), Ok(()));
        // If the slab has gone back to the heap, a double free cannot be noticed.
        if let Some(entry) = self.heap.page_map().slab_entry(object) {
            let size = entry.class().map_or(0, SizeClass::size);
            assert_eq!(self.bins.give(&mut self.heap, object), Err(ObjectMisuse::Freed(size)));
        }
    }

    fn check(&self) {
        self.heap.check().unwrap();
        self.bins.check(&self.heap).unwrap();
        let figures = self.bins.figures();
        assert_eq!(figures.objects, self.live.len());
        assert_eq!(figures.object_bytes, self.live.iter().map(|(class, _)| class.size()).sum::<usize>());
    }

    fn finish(mut self) {
        self.source.fail_every(0);
        while !self.live.is_empty() {
            self.give(self.live.len() - 1);
        }
        self.check();
        self.bins.unpark(&mut self.heap, true);
        self.bins.release_empty(&mut self.heap);
        self.check();
        assert_eq!(self.bins.figures().slabs, 0);
        assert_eq!((self.heap.figures().live, self.heap.figures().live_blocks), (0, 0));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize, usize),
    /// Takes many objects of a class, of which few stay.
    Thin(usize, usize),
    Give(usize),
    Block(usize),
    FreeBlock(usize),
    Purge,
    Park,
    Unpark,
    Need,
    Fail(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..SLAB_CLASSES, 1usize..70).prop_map(|(class, count)| Step::Take(class, count)),
        2 => (SLAB_CLASSES - 9..SLAB_CLASSES, 1usize..8).prop_map(|(class, count)| Step::Take(class, count)),
        1 => (20..SLAB_CLASSES, 2usize..40).prop_map(|(class, keep)| Step::Thin(class, keep)),
        60 => any::<usize>().prop_map(Step::Give),
        12 => (1usize..200_000).prop_map(Step::Block),
        10 => any::<usize>().prop_map(Step::FreeBlock),
        1 => Just(Step::Purge),
        2 => Just(Step::Park),
        1 => Just(Step::Unpark),
        1 => Just(Step::Need),
        1 => (0u64..6).prop_map(Step::Fail),
    ];
    proptest::collection::vec(step, 1..if cfg!(miri) { 30 } else { 400 })
}

fn run(fit: Fit, page: usize, steps: Vec<Step>) {
    let mut bench = Bench::on(Fake::with_pages(24 << 20, page), fit);
    let mut blocks: Vec<usize> = Vec::new();
    for step in steps {
        match step {
            Step::Take(class, count) => bench.take(SizeClass::of_index(class), count),
            Step::Thin(class, keep) => {
                let class = SizeClass::of_index(class);
                let before = bench.live.len();
                let bytes = if cfg!(miri) { 1 << 14 } else { 2 << 20 };
                (0..bytes / class.size() / 8).for_each(|_| bench.take(class, 8));
                (before..bench.live.len()).rev().filter(|index| index % keep != 0).for_each(|index| bench.give(index));
            }
            Step::Give(_) if bench.live.is_empty() => {}
            Step::Give(which) => bench.give(which % bench.live.len()),
            Step::Block(size) => {
                let alloc = |heap: &mut Heap<_>| heap.alloc(size);
                let fresh = bench.bins.alloc_with_parked(&mut bench.heap, size, 16, alloc);
                blocks.extend(fresh.map(|fresh| {
                    let first = pointer::at_mut(fresh.block);
                    // SAFETY: a block on the fake source, which the test has taken.
                    let bytes: &mut [u8] = unsafe { core::slice::from_raw_parts_mut(first, fresh.usable) };
                    assert!(are_all(&bytes[fresh.dirty..], 0));
                    bytes.fill(0xee);
                    fresh.block
                }));
            }
            Step::FreeBlock(_) if blocks.is_empty() => {}
            Step::FreeBlock(which) => {
                let block = blocks.swap_remove(which % blocks.len());
                assert!(bench.heap.free(block).is_ok());
            }
            Step::Purge => {
                bench.bins.purge(&bench.heap);
            }
            Step::Park => {
                bench.bins.park(&mut bench.heap);
            }
            Step::Unpark => {
                bench.bins.unpark(&mut bench.heap, true);
            }
            Step::Need => {
                bench.bins.release_empty(&mut bench.heap);
                bench.heap.release_whole_regions();
                bench.heap.trim();
            }
            Step::Fail(every) => bench.source.fail_every(every as usize),
        }
        bench.check();
    }
    blocks.into_iter().for_each(|block| {
        bench.heap.free(block).unwrap();
    });
    bench.finish();
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn bins_agree_with_a_model_under_best_fit(page in page_size(), steps in steps()) {
        run(Fit::Best, page, steps);
    }

    #[test]
    fn bins_agree_with_a_model_under_first_fit(page in page_size(), steps in steps()) {
        run(Fit::First, page, steps);
    }

    #[test]
    fn bins_agree_with_a_model_under_worst_fit(page in page_size(), steps in steps()) {
        run(Fit::Worst, page, steps);
    }
}

#[test]
fn the_lowest_object_is_taken_first() {
    let mut bench = Bench::new(Fit::Best, 16 << 20);
    let class = SizeClass::for_size(1000).unwrap();
    bench.take_all(class, 3 * class.objects());
    let mut addresses: Vec<_> = bench.live.iter().map(|&(_, object)| object).collect();
    assert!(addresses.is_sorted());
    for place in [150, 70, 3] {
        bench.give(place);
        addresses[place] = 0;
    }
    bench.take_all(class, 3);
    let again: Vec<_> = bench.live[bench.live.len() - 3..].iter().map(|&(_, object)| object).collect();
    assert!(again.is_sorted() && again[0] < bench.live[0].1 + 4 * class.size());
    bench.check();
    bench.finish();
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of objects")]
fn a_slab_that_was_given_back_leaves_a_hole_that_the_next_one_takes() {
    let mut bench = Bench::new(Fit::Best, 32 << 20);
    let (small, large) = (SizeClass::for_size(64).unwrap(), SizeClass::for_size(512).unwrap());
    bench.take_all(small, 8 * small.objects());
    let held = bench.heap.figures().held;
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { (small, large) } else { (large, small) };
        while let Some(index) = bench.live.iter().position(|&(class, _)| class == from) {
            bench.give(index);
        }
        bench.bins.release_empty(&mut bench.heap);
        bench.take_all(to, 8 * to.objects());
        bench.check();
    }
    assert_eq!(bench.heap.figures().held, held, "slabs of one size in turn need no more room");
    bench.finish();
}

/// Gives most objects of a class back at once, in an order, with some wrong ones among them from place `from` on.
fn flush(size: usize, from: usize, order: impl Fn(&mut Vec<usize>)) {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let class = SizeClass::for_size(size).unwrap();
    bench.take_all(class, 1000);
    bench.live.sort_unstable_by_key(|&(_, object)| object);
    let is_kept = |&(index, _): &(usize, _)| index * 7919 % 32 < 8;
    let (kept, coming): (Vec<_>, Vec<_>) = bench.live.drain(..).enumerate().partition(is_kept);
    bench.live.extend(kept.into_iter().map(|(_, live)| live));
    let mut objects: Vec<_> = coming.into_iter().map(|(_, (_, object))| object).collect();
    order(&mut objects);
    let mut wrong = Vec::new();
    for at in [0, 64, 90].map(|at| from + at) {
        // Twice, at once and later.
        objects.insert(at + 1, objects[at]);
        objects.insert(at + 70, objects[at]);
        wrong.extend([(objects[at], ObjectMisuse::Freed(class.size())); 2]);
    }
    if class.size() > 16 {
        objects.insert(from + 33, bench.live[0].1 + 16);
        wrong.push((objects[from + 33], ObjectMisuse::Interior(16, class.size())));
    }
    // An address behind the last object of a slab whose last objects come back.
    let start = bench.entry(objects[0]).slab().start();
    let behind = start + class.objects() * class.size();
    let last = objects.iter().rposition(|object| (start..behind).contains(object)).unwrap();
    if behind < start + class.slab_bytes() {
        objects.insert(last + 1, behind);
        wrong.push((behind, bench.bins.give(&mut bench.heap, behind).unwrap_err()));
    }
    // Not an address: like a slot that was overwritten.
    objects.insert(from + 44, usize::MAX - 15);
    wrong.push((objects[from + 44], ObjectMisuse::Freed(class.size())));
    let slots: Vec<_> = objects.into_iter().map(AtomicUsize::new).collect();
    let found = RefCell::new(Vec::new());
    bench.bins.give_all(&mut bench.heap, class, &slots, |at, how| found.borrow_mut().push((at, how)));
    let mut found = found.into_inner();
    let by_address = |(at, how): &(usize, ObjectMisuse)| (*at, format!("{how:?}"));
    found.sort_by_key(by_address);
    wrong.sort_by_key(by_address);
    assert_eq!(found, wrong);
    bench.check();
    bench.finish();
}

#[test]
fn a_flush_takes_back_what_is_right_in_any_order() {
    for (size, from) in [16, 48, 64, 100, 1000, 3000].into_iter().flat_map(|size| [(size, 3), (size, 500)]) {
        flush(size, from, |_| {});
        flush(size, from, |objects| objects.reverse());
        flush(size, from, |objects| objects.chunks_mut(4).for_each(<[usize]>::reverse));
        flush(size, from, |objects| objects.chunks_mut(97).for_each(|some| some.rotate_left(13)));
        flush(size, from, |objects| {
            let count = objects.len();
            for at in 0..count {
                objects.swap(at, at * 311 % count);
            }
        });
    }
}

#[test]
fn untouched_units_are_taken_in_runs_and_no_header_is_written_between_them() {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let classes: Vec<_> = SizeClass::slabs().filter(|class| class.slab_bytes() == UNIT).take(12).collect();
    // A hole without room for a unit that starts at one changes nothing.
    let hole = bench.heap.alloc(UNIT + UNIT / 2).unwrap().block;
    let behind = bench.heap.alloc(UNIT).unwrap().block;
    bench.heap.free(hole).unwrap();
    for (count, &class) in classes.iter().enumerate() {
        bench.take(class, 1);
        let figures = bench.bins.figures();
        assert_eq!((figures.slabs, figures.bytes), (count + 1, (count + 1) * UNIT));
        assert_eq!(figures.slabs + figures.parked, 16);
        bench.check();
    }
    let first = bench.live[0].1;
    for (index, &(_, object)) in bench.live.iter().enumerate() {
        assert_eq!(object, first + index * UNIT);
        assert_eq!(header_at(bench.heap.page_map(), object).unwrap().is_ok(), index == 0);
    }
    let before = bench.heap.figures().free_blocks;
    assert!(!bench.bins.unpark(&mut bench.heap, true));
    assert_eq!((bench.bins.figures().parked, bench.heap.figures().free_blocks), (0, before));
    bench.check();
    // The memory of parked slabs serves all requests again.
    assert_eq!(bench.heap.alloc(10 * UNIT).unwrap().block, first + 12 * UNIT);
    bench.heap.free(first + 12 * UNIT).unwrap();
    bench.heap.free(behind).unwrap();
    bench.finish();
}
