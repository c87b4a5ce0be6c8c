//! Traces with words that nobody has written, whose checksums are right: they do no harm.

use super::made_up::{Place, RawFile, START, free, malloc, realloc};
use super::pack::Packer;
use super::packed::content::{self, Index};
use super::packed::section::{self, Kind, Section};
use super::raw::Raw;
use super::read::Trace;
use super::record::{Clock, Record};
use super::sheet::Sheet;
use super::survey::Survey;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const WORDS: [u64; 5] = [0, 1 << 26, (1 << 40) - 1, 1 << 60, u64::MAX];

fn raw_file() -> RawFile {
    let with_stack = |record| Record { stack: 1, ..record };
    let mut raw = RawFile::new(4);
    raw.stacks(&[(1, vec![0x2000, 0x3000]), (2, vec![0x3000])]);
    raw.calls(
        1,
        &[malloc(1, 0x10000, 8), with_stack(malloc(2, 0x20000, 70)), realloc(9000, 0x10000, 0x30000, 90)],
        true,
    );
    raw.calls(2, &[free(3, 0x20000), malloc(4, 0x20000, 9), free(5000, 0x20000)], false);
    raw
}

fn pack(place: &Place, raw: &Path) -> Option<PathBuf> {
    let packed = place.path().join("packed");
    let _ = fs::remove_file(&packed);
    let file = File::options().read(true).write(true).create_new(true).open(&packed).unwrap();
    let raw = Raw::open(File::open(raw).unwrap(), raw).ok()?;
    // Moments too.
    Packer::begin(raw, file, false).unwrap().with_moments(2).finish(&[]).ok()?;
    Some(packed)
}

/// Reads all of a trace, as verbs do. How many events it has.
fn use_up(path: &Path) -> usize {
    let Ok(trace) = Trace::open(path) else { return 0 };
    let survey = Survey::of(trace.events(), &[1, 2]);
    let sheet = Sheet { trace: &trace, survey: &survey, file: 1, top: 5 };
    let mut sites = trace.sites(&[]);
    assert!(!sheet.text(&mut sites).is_empty());
    let _ = survey.profile(1, |stack| trace.stack(stack).to_vec(), 4);
    for from in [1, 100, u64::MAX] {
        assert!(trace.events_between(from, u64::MAX).count() <= survey.events as usize + 20);
    }
    survey.events as usize
}

#[test]
fn any_word_of_a_raw_file() {
    let place = Place::new("words");
    let whole = raw_file().bytes();
    assert_eq!(use_up(&place.file("raw", &whole)), 6);
    let raw = place.path().join("raw");
    let file = File::options().write(true).open(&raw).unwrap();
    let chunks = (1..=3).flat_map(|chunk| (chunk << 16)..(chunk << 16) + 120);
    for at in (16..112).chain(chunks).step_by(8) {
        for word in WORDS {
            file.write_all_at(&word.to_le_bytes(), at as u64).unwrap();
            let events = use_up(&raw);
            assert!(events < 20, "{events} events with {word:#x} at {at}");
            if word == u64::MAX
                && let Some(packed) = pack(&place, &raw)
            {
                use_up(&packed);
            }
        }
        file.write_all_at(&whole[at..at + 8], at as u64).unwrap();
    }
}

/// The sections of a trace.
fn sections(path: &Path) -> Vec<Section> {
    let file = File::open(path).unwrap();
    std::iter::successors(section::read(&file, 16), |before| section::read(&file, before.end())).collect()
}

/// A file of sections, with a footer that leads to the last.
fn file_of<'a>(sections: impl IntoIterator<Item = (Kind, &'a [u8])>) -> Vec<u8> {
    let (mut bytes, mut last) = (section::MAGIC.to_vec(), 0);
    for (kind, payload) in sections {
        last = bytes.len() as u64;
        bytes.extend(section::bytes(kind, payload).unwrap());
    }
    bytes.extend(section::footer(last));
    bytes
}

#[test]
fn any_byte_of_a_section() {
    let place = Place::new("bytes");
    let packed = pack(&place, &place.file("raw", &raw_file().bytes())).unwrap();
    let sections = sections(&packed);
    assert_eq!(use_up(&packed), 6);
    for (which, changed) in sections.iter().enumerate() {
        for at in 0..changed.payload.len() {
            for change in [1, 0xff] {
                let mut payload = changed.payload.clone();
                payload[at] ^= change;
                let all = sections.iter().enumerate();
                let all = all.map(|(at, one)| (one.kind, if at == which { &payload } else { &one.payload }.as_slice()));
                use_up(&place.file("changed", &file_of(all)));
            }
        }
    }
}

#[test]
fn any_index() {
    let place = Place::new("index");
    let packed = pack(&place, &place.file("raw", &raw_file().bytes())).unwrap();
    let sections = sections(&packed);
    let (last, others) = sections.split_last().unwrap();
    let index: Index = content::unpacked(&last.payload).unwrap();
    assert!(!index.moments.is_empty());
    let with = |change: &dyn Fn(&mut Index)| {
        let mut index = index.clone();
        change(&mut index);
        let payload = content::packed(&index).unwrap();
        let all = others.iter().map(|one| (one.kind, one.payload.as_slice()));
        use_up(&place.file("changed", &file_of(all.chain([(Kind::Index, payload.as_slice())]))));
    };
    for unit in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e300] {
        with(&|index| index.clock = Some(Clock { start: START, unit }));
    }
    for word in WORDS {
        let half = u32::try_from(word).unwrap_or(u32::MAX);
        with(&|index| index.last = word);
        with(&|index| index.clock = Some(Clock { start: word, unit: 1.0 }));
        with(&|index| index.others = vec![word; 3]);
        with(&|index| index.calls[0].0 = word);
        with(&|index| index.calls[0].1.begun = (word, word));
        with(&|index| index.calls[0].1.count = half);
        with(&|index| index.moments[0].0 = word);
        with(&|index| index.moments[0].1.positions = vec![(half, half); 9]);
        with(&|index| index.moments[0].1.blocks = word);
        with(&|index| {
            index.moments.truncate(1);
            index.moments[0].1.at = 0;
            index.moments[0].1.live = (word, word);
        });
    }
}

#[test]
fn a_short_section_does_not_become_a_large_one() {
    // Each stack has all frames of the one before, and one more.
    let one = [2, 0, 1, 2];
    let grows = |count: u64| {
        let next = (1..count).flat_map(|same| {
            // A number of two bytes.
            [2, (same & 0x7f | 0x80) as u8, (same >> 7) as u8, 1, 2]
        });
        one.into_iter().chain(next).collect::<Vec<u8>>()
    };
    assert_eq!(content::unpack_stacks(&content::compressed(&grows(50)).unwrap()).map(|stacks| stacks.len()), Some(50));
    assert!(content::unpack_stacks(&content::compressed(&grows(5000)).unwrap()).is_none());
    // Zeroes are compressed to nearly nothing.
    let zeroes = vec![0; 1 << 20];
    assert!(content::unpacked::<Vec<u8>>(&content::compressed(&zeroes).unwrap()).is_none());
}
