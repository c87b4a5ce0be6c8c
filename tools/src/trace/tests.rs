//! Traces as a whole: raw files, what is made of them, and what is left when a part is missing.

use super::event::{Call, Event};
use super::made_up::{Place, RawFile, START, UNIT, free, malloc, realloc};
use super::pack::Packer;
use super::raw::Raw;
use super::read::Trace;
use super::record::Record;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

fn pack(place: &Place, raw: &Path, name: &str, moment_every: u64) -> PathBuf {
    let path = place.path().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    let raw = Raw::open(File::open(raw).unwrap(), raw).unwrap();
    Packer::begin(raw, file, false).unwrap().with_moments(moment_every).finish(&[]).unwrap();
    path
}

fn read(path: &Path) -> Vec<Event> {
    let trace = Trace::open(path).unwrap();
    assert!(!trace.ending().cut && trace.damaged() == 0);
    let mut events = trace.events();
    let all: Vec<_> = events.by_ref().collect();
    assert_eq!((events.anomalies(), events.damaged()), (0, 0));
    all
}

/// Of events: thread, block and old block.
fn blocks(events: &[Event]) -> Vec<(u32, u64, u64)> {
    events.iter().map(|event| (event.thread, event.block, event.old)).collect()
}

/// Calls of a program that is like many: small blocks that come and go, and some that stay.
fn program(count: u64) -> Vec<Record> {
    let (mut records, mut live, mut free_places): (_, Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new(), Vec::new());
    let (mut state, mut top) = (7u64, 0x7f00_0000_0000);
    for clock in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = state >> 40;
        if chance.is_multiple_of(2) && !live.is_empty() {
            let old = live.remove(live.len() - 1 - (chance as usize >> 4) % live.len().min(5));
            free_places.push(old);
            records.push(free(clock * 900, old));
        } else {
            let new = free_places.pop().unwrap_or_else(|| {
                top += 64;
                top
            });
            live.push(new);
            records.push(Record { stack: (chance % 3) as u32, ..malloc(clock * 900, new, 40 + chance % 20) });
        }
    }
    records
}

/// The raw file of it, with the calls in several chunks.
fn raw_file(records: &[Record], together: usize) -> RawFile {
    let mut raw = RawFile::new(4);
    raw.stacks(&[(1, vec![0x1100, 0x2200]), (2, vec![0x1200, 0x2200])]);
    records.chunks(together).for_each(|records| raw.calls(31, records, true));
    raw
}

#[test]
fn what_is_packed_is_what_was_recorded() {
    let place = Place::new("packed");
    let records = program(3000);
    let raw = place.file("raw", &raw_file(&records, 700).bytes());
    let packed = pack(&place, &raw, "packed", 1 << 20);
    let events = read(&raw);
    assert_eq!(events, read(&packed));
    assert_eq!(events.len(), records.len());
    for (event, record) in events.iter().zip(&records) {
        assert_eq!((event.call, event.size, event.stack), (record.call, record.size, record.stack));
        assert_eq!(event.address, if record.call.is_free() { record.old } else { record.new });
        assert_eq!(event.at, (record.clock - START) * UNIT);
    }
    let trace = Trace::open(&packed).unwrap();
    assert_eq!(
        (trace.process().pid, trace.stack(2), trace.process().program.as_str()),
        (4711, &[0x1200, 0x2200][..], "/no/such/program")
    );
    assert!(trace.ending().exited && trace.threads()[0].number == 31);
    assert_eq!(trace.sites(&[]).places(0x1200)[0].function.as_deref(), Some("program+0x1ff"));
    assert!(fs::metadata(&packed).unwrap().len() < 3 * 3000);
}

#[test]
fn a_window_is_read_from_the_last_moment_before_it() {
    let place = Place::new("window");
    let raw = place.file("raw", &raw_file(&program(3000), 250).bytes());
    let packed = pack(&place, &raw, "packed", 100);
    let trace = Trace::open(&packed).unwrap();
    let all = read(&raw);
    for (from, to) in [
        (0, 5_000_000),
        (9_000_000, 10_000_000),
        (12_345_678, 40_000_000),
        (50_000_000, u64::MAX),
        (u64::MAX, u64::MAX),
    ] {
        let wanted: Vec<_> = all.iter().filter(|event| (from..to).contains(&event.at)).copied().collect();
        assert_eq!(trace.events_between(from, to).collect::<Vec<_>>(), wanted);
        assert_eq!(Trace::open(&raw).unwrap().events_between(from, to).collect::<Vec<_>>(), wanted);
    }
    let (moment, live) = trace.moment(40_000_000).unwrap();
    assert!(moment.at > 30_000_000 && moment.live.0 == live.len() as u64);
}

#[test]
fn a_trace_that_was_cut_is_read_to_its_last_whole_chunk() {
    let place = Place::new("cut");
    let raw = place.file("raw", &raw_file(&program(120), 40).bytes());
    let packed = pack(&place, &raw, "packed", 1 << 20);
    let (len, all) = (fs::metadata(&packed).unwrap().len(), read(&packed));
    let file = File::options().write(true).open(&packed).unwrap();
    let mut least = all.len();
    for cut in (0..len).rev() {
        file.set_len(cut).unwrap();
        let Ok(trace) = Trace::open(&packed) else {
            least = 0;
            continue;
        };
        let events: Vec<_> = trace.events().collect();
        assert!(events.len() <= least && events.len().is_multiple_of(40), "{cut}: {}", events.len());
        assert_eq!(blocks(&events), blocks(&all[..events.len()]));
        // But for the footer, all is there.
        assert!(trace.ending().cut || cut + 16 >= len, "{cut}");
        assert!(least - events.len() <= 40, "{cut}: {}", events.len());
        least = events.len();
    }
    assert_eq!(least, 0);
}

#[test]
fn each_byte_that_is_changed_is_noticed() {
    let place = Place::new("flipped");
    let raw = place.file("raw", &raw_file(&program(120), 40).bytes());
    let packed = pack(&place, &raw, "packed", 1 << 20);
    let (whole, all) = (fs::read(&packed).unwrap(), read(&packed));
    let file = File::options().write(true).open(&packed).unwrap();
    for (at, byte) in whole.iter().enumerate() {
        file.write_at(&[byte ^ 1 << (at % 8)], at as u64).unwrap();
        if let Ok(trace) = Trace::open(&packed) {
            let mut events = trace.events();
            let read = events.by_ref().count();
            assert!(trace.ending().cut || trace.damaged() + events.damaged() != 0, "byte {at}");
            // At most the chunk with the byte is missing.
            assert!(read + 40 >= all.len(), "byte {at}: {read}");
        }
        file.write_at(&[*byte], at as u64).unwrap();
    }
}

#[test]
fn bytes_that_are_no_trace_are_refused() {
    let place = Place::new("refused");
    let refused = |bytes: &[u8], why: &str| {
        let failure = Trace::open(&place.file("bad", bytes)).err().unwrap().to_string();
        assert!(failure.contains(why) && !failure.contains('\n'), "{failure}");
    };
    refused(b"", "is no trace of metes");
    refused(&[7; 5000], "is no trace of metes");
    refused(b"metes trace 999\n", "another version");
    refused(b"metes trace raw\n", "is not all there");
    refused(b"metes trace 001\n", "damaged at its start");
    let mut raw = RawFile::new(0).bytes();
    raw[16] = 2;
    refused(&raw, "another version");
    assert!(Trace::open(Path::new("/no/such/trace")).err().unwrap().to_string().contains("No such file"));
    assert!(Trace::open(place.path()).is_err());
}

/// The events of threads, each with one open chunk.
fn ordered(threads: &[&[Record]]) -> (Vec<Event>, u64) {
    let place = Place::new(&format!("order-{:?}", std::thread::current().id()));
    let mut raw = RawFile::new(0);
    threads.iter().zip(1..).for_each(|(records, thread)| raw.calls(thread, records, false));
    let trace = Trace::open(&place.file("raw", &raw.bytes())).unwrap();
    let mut events = trace.events();
    let all = events.by_ref().collect();
    (all, events.anomalies())
}

#[test]
fn calls_of_threads_are_in_the_order_that_their_addresses_have() {
    // The clock has the free in one thread before the allocation in the other: it waits.
    let (events, anomalies) = ordered(&[&[malloc(12, 0x1000, 8)], &[free(10, 0x1000), malloc(13, 0x1000, 9)]]);
    assert_eq!((blocks(&events), anomalies), (vec![(1, 1, 0), (0, 0, 1), (0, 2, 0)], 0));
    // The block that realloc left was given out again before it returned.
    let long = 1_000_000;
    let (events, anomalies) = ordered(&[
        &[malloc(1, 0x1000, 8), realloc(long, 0x1000, 0x2000, 90)],
        &[malloc(50, 0x1000, 8), free(60, 0x1000)],
    ]);
    assert_eq!((blocks(&events), anomalies), (vec![(0, 1, 0), (0, 2, 1), (1, 3, 0), (1, 0, 3)], 0));
    assert_eq!(events.iter().map(|event| event.at / UNIT).collect::<Vec<_>>(), [1, 50, 50, 60]);
}

#[test]
fn a_call_that_is_missing_stops_nothing() {
    // A free of what nobody has allocated, and two allocations of one address.
    let (events, anomalies) =
        ordered(&[&[free(1, 0x5000), malloc(2, 0x1000, 8), malloc(3, 0x1000, 16)], &[malloc(900, 0x3000, 8)]]);
    assert_eq!(anomalies, 2);
    assert_eq!(blocks(&events), vec![(0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 2, 0), (1, 3, 0)]);
    assert_eq!(events[2].call, Call::Free);
    // A realloc that failed frees nothing, and one to nothing does.
    let (events, anomalies) = ordered(&[&[
        malloc(1, 0x1000, 8),
        realloc(2, 0x1000, 0, 1 << 39),
        realloc(3, 0x1000, 0, 0),
        malloc(4, 0x1000, 8),
    ]]);
    assert_eq!((blocks(&events), anomalies), (vec![(0, 1, 0), (0, 0, 0), (0, 0, 1), (0, 2, 0)], 0));
}
