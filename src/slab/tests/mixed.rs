//! Mixed slabs, parked slabs, and what is given back.

use super::*;
use crate::base::align;
use crate::base::class::SLAB_MAX;
use crate::heap::tests::pages::page_sizes;

/// Takes 4 MiB of one class, keeps one object in `keep`, and then takes 2 MiB of another class.
fn change_sizes(from: usize, to: usize, keep: usize) -> (Bench, usize) {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let (from, to) = (SizeClass::for_size(from).unwrap(), SizeClass::for_size(to).unwrap());
    bench.take_all(from, (4 << 20) / from.size());
    (0..bench.live.len()).rev().filter(|index| index % keep != 0).for_each(|index| bench.give(index));
    let before = bench.bins.figures().bytes;
    bench.take_all(to, (2 << 20) / to.size());
    bench.check();
    let after = bench.bins.figures().bytes;
    (bench, after.saturating_sub(before))
}

#[test]
fn what_is_free_in_slabs_of_one_class_serves_another() {
    let changes = [(12 << 10, 7168, 3), (64, 448, 20), (448, 64, 4), (112, 160, 5), (2048, 96, 3), (16, 4096, 900)];
    // The first change has the fewest objects.
    for &(from, to, keep) in &changes[..if cfg!(miri) { 1 } else { changes.len() }] {
        let (mut bench, more) = change_sizes(from, to, keep);
        assert!(bench.bins.figures().mixed > 5, "{from} {to}");
        assert!(more < 3 << 19, "{from} {to}: {more}");
        bench.bins.purge(&bench.heap);
        bench.check();
        bench.finish();
    }
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of objects")]
fn what_was_free_before_a_slab_became_a_mixed_one_is_given_back() {
    let [given, mixed] = [0, 1].map(|count| {
        let mut bench = Bench::new(Fit::Best, 16 << 20);
        let (from, to) = (SizeClass::for_size(64).unwrap(), SizeClass::for_size(448).unwrap());
        bench.take_all(from, (4 << 20) / from.size());
        (0..bench.live.len()).rev().filter(|index| index % 256 != 0).for_each(|index| bench.give(index));
        // Enough is taken and given back that the free memory has waited long enough.
        bench.take_all(to, 1);
        let before = bench.live.len();
        bench.take_all(from, (1 << 20) / from.size());
        (before..bench.live.len()).rev().for_each(|index| bench.give(index));
        bench.take_all(to, to.objects() - 1 + count);
        assert_eq!(bench.bins.figures().mixed, count);
        let given = bench.bins.purge(&bench.heap);
        bench.check();
        bench.finish();
        given
    });
    assert!(mixed + 2 * 4096 >= given, "{mixed} {given}");
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of objects")]
fn an_object_that_another_class_has_by_now_is_not_taken_back() {
    let (mut bench, _) = change_sizes(64, 448, 20);
    let is_mixed = |&(class, object): &(SizeClass, usize)| class.size() == 448 && bench.entry(object).class().is_none();
    let object = bench.live.iter().copied().find(is_mixed).unwrap().1;
    let class = SizeClass::for_size(64).unwrap();
    let wrong = Cell::new(None);
    bench.bins.give_all(&mut bench.heap, class, &[AtomicUsize::new(object)], |at, how| wrong.set(Some((at, how))));
    assert_eq!(wrong.get(), Some((object, ObjectMisuse::Freed(64))));
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of objects")]
fn what_has_no_room_in_holes_gets_a_slab() {
    let (bench, more) = change_sizes(64, 4096, 20);
    assert_eq!(bench.bins.figures().mixed, 0);
    assert!(more >= 2 << 20);
    bench.finish();
}

#[test]
fn parked_slabs_are_holes_again_when_memory_is_out() {
    let sizes = [16 * UNIT, 3 * UNIT, UNIT / 2];
    for &n in &sizes[..if cfg!(miri) { 2 } else { sizes.len() }] {
        // In the end less than another region is left: then only the parked slabs make room.
        let mut bench = Bench::new(Fit::Best, (8 << 20) - 4 * UNIT);
        bench.take(SizeClass::for_size(64).unwrap(), 1);
        let (first, parked) = (bench.live[0].1, bench.bins.figures().parked);
        assert!(parked > 10);
        let mut blocks = Vec::new();
        while let Some(fresh) = bench.bins.alloc_with_parked(&mut bench.heap, n, 16, |heap| heap.alloc(n)) {
            blocks.push(fresh.block);
            bench.check();
        }
        assert_eq!(bench.bins.figures().parked, 0);
        let where_parked = first..first + parked * UNIT;
        assert!(blocks.iter().any(|block| where_parked.contains(block)));
        blocks.into_iter().for_each(|block| bench.heap.free_own(block));
        bench.finish();
    }
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of objects")]
fn all_pages_of_small_holes_are_given_back() {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let class = SizeClass::for_size(512).unwrap();
    bench.take_all(class, 100 * class.objects());
    let starts: Vec<_> = bench.live.iter().map(|&(_, object)| object / UNIT).collect();
    for index in (0..bench.live.len()).rev().filter(|&index| starts[index] % 3 != 0) {
        bench.give(index);
    }
    bench.bins.release_empty(&mut bench.heap);
    bench.bins.unpark(&mut bench.heap, true);
    assert!(!bench.bins.park(&mut bench.heap));
    let parked = bench.bins.parked();
    assert!(parked >= 60 * UNIT);
    // The last unit before a block that is no slab keeps a page.
    assert!(bench.bins.purge(&bench.heap) >= parked - 2 * UNIT);
    bench.check();
    let held = bench.heap.figures().held;
    bench.take_all(class, 30 * class.objects());
    assert!(bench.bins.parked() < parked && bench.heap.figures().held == held);
    bench.check();
    bench.finish();
}

#[test]
fn pages_of_free_objects_are_given_back_and_those_in_use_stay() {
    let mut bench = Bench::on(Fake::with_pages(16 << 20, 4 << 10), Fit::Best);
    let class = SizeClass::for_size(256).unwrap();
    bench.take_all(class, 2 * class.objects());
    // All but every fortieth: 10 KiB apart.
    for index in (0..bench.live.len()).rev().filter(|index| index % 40 != 0) {
        bench.give(index);
    }
    let given = bench.bins.purge(&bench.heap);
    assert!((UNIT..2 * UNIT).contains(&given), "{given}");
    bench.check();
    bench.finish();
}

#[test]
fn slabs_give_back_their_whole_pages_of_any_size() {
    for page in page_sizes() {
        let mut bench = Bench::on(Fake::with_pages(16 << 20, page), Fit::Best);
        let class = SizeClass::for_size(SLAB_MAX).unwrap();
        bench.take_all(class, 4 * class.objects());
        // All but the second object of each slab.
        let is_kept = |bench: &Bench, index: usize| {
            let object = bench.live[index].1;
            object - bench.entry(object).slab().start() == class.size()
        };
        for index in (0..bench.live.len()).rev() {
            if !is_kept(&bench, index) {
                bench.give(index);
            }
        }
        let whole = |(_, object): &(SizeClass, usize)| {
            let (start, end) = (object - class.size(), object - class.size() + class.slab_bytes());
            align::down(*object, page) - start + end - align::up(object + class.size(), page)
        };
        let (most, slabs) = (bench.live.iter().map(whole).sum::<usize>(), bench.live.len());
        let given = bench.bins.purge(&bench.heap);
        // A slab keeps its last page where a header stands there.
        assert!(
            slabs == 4 && given <= most && given + slabs * page >= most && given > most / 2,
            "{page} {given} {most}"
        );
        assert!(given.is_multiple_of(page));
        bench.check();
        bench.finish();
    }
}
