//! Models of mappings under loom.

use super::*;
use crate::base::model::model;
use crate::sys::fake::Fake;
use std::rc::Rc;

static MAP: PageMap = PageMap::new();
static RECORDS: RecordPool = RecordPool::new();

/// Room for the records, a leaf or two of the page map, and a few mappings.
fn mappings() -> Rc<Mappings<Fake>> {
    Rc::new(Mappings::new(Fake::new(4 << 20), &MAP, &RECORDS))
}

/// Asserts that no mapping is left, nor any of its bytes. `before` bytes were mapped when there were none.
fn assert_none(mappings: &Mappings<Fake>, before: usize) {
    let MappingFigures { count, bytes, .. } = mappings.figures();
    assert_eq!((count, bytes, mappings.retained.load(Relaxed)), (0, 0, 0));
    assert_eq!(mappings.source.mapped(), before);
}

/// The bytes that are mapped while there is no mapping: those of the records and the map.
fn begin(mappings: &Mappings<Fake>) -> usize {
    assert!(mappings.free(mappings.alloc(UNIT, UNIT).unwrap()));
    mappings.source.mapped()
}

#[test]
fn of_two_threads_that_free_a_mapping_one_does() {
    model(3, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let record = mappings.alloc(UNIT, UNIT).unwrap();
        let start = record.start();
        let other = mappings.clone();
        let freer = loom::thread::spawn(move || other.free(record));
        // Beside the frees: what is found is whole.
        assert!(mappings.locate(start).is_none_or(|found| core::ptr::eq(found, record)));
        let done = mappings.free(record);
        assert_ne!(done, freer.join().unwrap(), "freed twice, or by nobody");
        assert!(mappings.locate(start).is_none() && MAP.get(start).is_none());
        assert_none(&mappings, before);
    });
}

#[test]
fn a_mapping_that_is_resized_while_it_is_freed_is_whole_or_gone() {
    model(3, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let record = mappings.alloc(UNIT, UNIT).unwrap();
        let other = mappings.clone();
        let freer = loom::thread::spawn(move || other.free(record));
        let resized = mappings.resize(record, 2 * UNIT);
        let freed = freer.join().unwrap();
        assert!(freed || resized.is_some(), "each was told that the other has it");
        mappings.check().unwrap();
        if !freed {
            assert_eq!((mappings.figures().count, mappings.figures().bytes), (1, 2 * UNIT));
            assert_eq!(resized, Some(record.start()));
            assert!(mappings.free(record));
        }
        assert_none(&mappings, before);
    });
}

/// Asserts that the page map knows these mappings, and that there are no others once they are freed.
fn free_known(mappings: &Mappings<Fake>, records: &[&'static RangeRecord], before: usize) {
    assert!(records.iter().all(|record| MAP.get(record.start()).is_some_and(|found| core::ptr::eq(found, *record))));
    mappings.check().unwrap();
    assert_eq!(mappings.figures().bytes, records.iter().map(|record| record.len()).sum::<usize>());
    assert!(records.iter().all(|record| mappings.free(record)));
    assert_none(mappings, before);
}

#[test]
fn no_more_is_asked_of_a_mapping_that_is_made_smaller_than_it_has() {
    model(2, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let record = mappings.alloc(2 * UNIT, UNIT).unwrap();
        let other = mappings.clone();
        let shrinker = loom::thread::spawn(move || other.resize(record, UNIT).is_some());
        let kept = mappings.keep(record, 2 * UNIT - 1);
        let shrunk = shrinker.join().unwrap();
        assert!(kept || shrunk, "each was told that the other has it");
        assert!(record.wanted() <= record.len());
        free_known(&mappings, &[record], before);
    });
}

#[test]
fn the_place_and_the_record_of_a_freed_mapping_are_the_next_ones() {
    for len in [UNIT, 2 * UNIT] {
        model(2, move || {
            let mappings = mappings();
            let before = begin(&mappings);
            let record = mappings.alloc(UNIT, UNIT).unwrap();
            let other = mappings.clone();
            let freer = loom::thread::spawn(move || assert!(other.free(record)));
            let next = mappings.alloc(len, UNIT).unwrap();
            freer.join().unwrap();
            free_known(&mappings, &[next], before);
        });
    }
}

/// Two mappings side by side, of which the lower has to move to grow, and one above the memory of the page map.
fn neighbours(mappings: &Mappings<Fake>) -> [&'static RangeRecord; 3] {
    let records = [(); 3].map(|()| mappings.alloc(UNIT, UNIT).unwrap());
    assert_eq!(records[2].end(), records[1].start());
    records
}

#[test]
fn the_place_that_a_mapping_moved_away_from_is_the_next_ones() {
    model(2, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let [first, kept, moved] = neighbours(&mappings);
        // The next one is to be there, if there is room.
        mappings.hint.store(moved.end(), Relaxed);
        let other = mappings.clone();
        let taker = loom::thread::spawn(move || other.alloc(UNIT, UNIT).unwrap());
        let place = moved.start();
        assert!(mappings.resize(moved, 2 * UNIT).is_some_and(|start| start != place));
        let next = taker.join().unwrap();
        assert!(MAP.get(place).is_none_or(|found| core::ptr::eq(found, next)));
        free_known(&mappings, &[first, kept, moved, next], before);
    });
}

#[test]
fn a_mapping_that_comes_grows_and_goes_meanwhile_is_no_broken_one() {
    model(2, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let kept = mappings.alloc(UNIT, UNIT).unwrap();
        let other = mappings.clone();
        let user = loom::thread::spawn(move || {
            let record = other.alloc(UNIT, UNIT).unwrap();
            assert!(other.resize(record, 2 * UNIT).is_some() && other.free(record));
        });
        mappings.check().unwrap();
        user.join().unwrap();
        free_known(&mappings, &[kept], before);
    });
}

#[test]
fn a_retained_mapping_is_taken_or_released() {
    model(2, || {
        let mappings = mappings();
        let before = begin(&mappings);
        let record = mappings.alloc(2 * UNIT, UNIT).unwrap();
        mappings.source.fail_unmaps(true);
        assert!(mappings.free(record));
        assert_eq!(mappings.release_retained(), 0);
        mappings.source.fail_unmaps(false);
        assert_eq!(mappings.retained_bytes(), 2 * UNIT);
        let other = mappings.clone();
        let releaser = loom::thread::spawn(move || other.release_retained());
        let record = mappings.alloc(2 * UNIT, UNIT).unwrap();
        assert!([0, 2 * UNIT].contains(&releaser.join().unwrap()));
        assert_eq!((record.kind(), record.len()), (Kind::Mapping, 2 * UNIT));
        mappings.check().unwrap();
        assert!(mappings.free(record));
        assert_none(&mappings, before);
        // No record is lost: the two at most that there were are taken again.
        let mut records = 0;
        (0..2).for_each(|_| assert!(RECORDS.take(&mappings.source).is_some()));
        RECORDS.find(|_| {
            records += 1;
            false
        });
        assert_eq!(records, 2);
    });
}

#[test]
fn a_retained_mapping_that_becomes_a_smaller_one_meanwhile_is_not_taken() {
    model(3, || {
        let mappings = mappings();
        begin(&mappings);
        let record = mappings.alloc(2 * UNIT, UNIT).unwrap();
        mappings.source.fail_unmaps(true);
        assert!(mappings.free(record));
        let other = mappings.clone();
        let shrinker = loom::thread::spawn(move || {
            let Some(record) = other.take_retained(2 * UNIT, UNIT) else { return };
            // A mapping that is resized and freed does the same.
            record.len.store(UNIT, Relaxed);
            other.give_back(record);
        });
        let taken = mappings.take_retained(2 * UNIT, UNIT);
        assert!(taken.is_none_or(|record| record.len() == 2 * UNIT), "shorter than what was asked for");
        shrinker.join().unwrap();
    });
}
