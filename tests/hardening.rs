//! What a program cannot write to: metes' records have inaccessible pages on both sides, and its options are read-only.

use metes::Metes;
use metes::internals::config::UNIT;
use metes::internals::read_only;
use metes::internals::statics;
use metes::internals::threads;
use std::fs;
use std::hint::black_box;
use std::sync::mpsc::channel;

#[global_allocator]
static METES: Metes = Metes;

struct Map {
    start: usize,
    end: usize,
    rights: String,
}

fn maps() -> Vec<Map> {
    let text = fs::read_to_string("/proc/self/maps").unwrap();
    let map = |line: &str| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        Map { start: number(start), end: number(end), rights: rest[..4].to_owned() }
    };
    text.lines().map(map).collect()
}

/// The bytes of the memory map around `address`, which must have a guard on each side.
fn guarded(what: &str, address: usize) -> usize {
    let maps = maps();
    let at = maps.iter().position(|map| (map.start..map.end).contains(&address)).expect("it is mapped");
    let (before, inside, after) = (&maps[at - 1], &maps[at], &maps[at + 1]);
    assert_eq!(inside.rights, "rw-p", "{what} at {address:#x}");
    for (guard, gap) in [(before, inside.start - before.end), (after, after.start - inside.end)] {
        assert!(gap == 0 && guard.rights == "---p", "{what} at {address:#x} has {} {gap} bytes off", guard.rights);
    }
    inside.end - inside.start
}

#[test]
fn records_stand_between_pages_that_cannot_be_touched() {
    let small = black_box(vec![1u8; 100]);
    let medium = black_box(vec![1u8; 100 << 10]);
    let large = black_box(vec![1u8; 3 << 20]);
    let address = |block: &[u8]| block.as_ptr().addr();

    let entry = statics::PAGE_MAP.slab_entry(address(&small)).expect("a slab");
    assert_eq!(guarded("the record of a slab", entry.slab().address()) % UNIT, 0);
    let view = statics::PAGE_MAP.leaf_view(address(&small)).expect("a leaf");
    assert!(guarded("the leaf", (&raw const *view).addr()) > 768 << 10);
    for block in [&medium, &large] {
        let record = statics::PAGE_MAP.get(address(block)).expect("a record");
        assert_eq!(guarded("the record of a region or mapping", (&raw const *record).addr()), UNIT);
    }
}

/// The caches of threads stand side by side, with guards around all of them. The threads start one after the other:
/// pages that two threads open at once may be two memory maps.
#[test]
fn threads_caches_stand_in_rooms_between_pages_that_cannot_be_touched() {
    const THREADS: usize = 100;
    let (say, said) = channel();
    let mut caches: Vec<usize> = Vec::new();
    for _ in 0..THREADS {
        let (say, (end, wait)) = (say.clone(), channel::<()>());
        std::thread::spawn(move || {
            say.send((&raw const *threads::cache().expect("a cache")).addr()).unwrap();
            let _ = wait.recv();
        });
        caches.push(said.recv().unwrap());
        // The threads end with the process.
        std::mem::forget(end);
    }
    let maps = maps();
    let is_guard = |map: &Map| map.rights == "---p";
    let mut rooms = Vec::new();
    for cache in caches {
        let at = maps.iter().position(|map| (map.start..map.end).contains(&cache)).expect("it is mapped");
        let is_next = |pair: &[Map]| pair[0].end == pair[1].start;
        let before = maps[..=at].iter().rposition(is_guard).expect("a guard before");
        let behind = at + maps[at..].iter().position(is_guard).expect("a guard behind");
        assert!(maps[before..=behind].windows(2).all(is_next), "the cache at {cache:#x}");
        assert!(maps[before + 1..behind].iter().all(|map| map.rights == "rw-p"), "the cache at {cache:#x}");
        rooms.push(before);
    }
    rooms.sort_unstable();
    rooms.dedup();
    assert!(rooms.len() <= 8, "{} rooms for {THREADS} caches", rooms.len());
}

#[test]
fn many_records_take_few_mappings() {
    let record = |block: &[u8; 2000]| statics::PAGE_MAP.slab_entry(block.as_ptr().addr()).unwrap().slab().address();
    let blocks: Vec<Box<[u8; 2000]>> = (0..100_000).map(|_| Box::new([0; 2000])).collect();
    let mut records: Vec<usize> = blocks.iter().map(|block| record(block)).collect();
    records.sort_unstable();
    records.dedup();
    let maps = maps();
    let mut areas: Vec<_> = records.iter().map(|record| maps.partition_point(|map| map.end <= *record)).collect();
    areas.dedup();
    assert!(records.len() > 1000, "{} slabs", records.len());
    assert!(areas.len() <= 6, "{} areas for {} slabs", areas.len(), records.len());
    for area in areas {
        guarded("an area", maps[area].start);
    }
}

#[test]
fn options_and_the_secret_are_read_only() {
    drop(black_box(vec![1u8; 100]));
    let pages = read_only::pages(4096);
    let maps = maps();
    let map = maps.iter().find(|map| map.start <= pages.start && pages.end <= map.end).expect("in one mapping");
    assert_eq!(map.rights, "r--p");
    assert!(metes::internals::checksum::secret() != 0);
}
