//! Raw files for tests, of which every word is known.

use super::event::Call;
use super::raw::{CHUNK, CHUNK_HEAD, MAGIC};
use super::record::Record;
use std::path::{Path, PathBuf};

/// The clock at the start; a unit of it is 20 ns.
pub const START: u64 = 1_000_000;
pub const UNIT: u64 = 20;

/// A raw file.
pub struct RawFile {
    frames: u64,
    chunks: Vec<Vec<u8>>,
    pub exited: bool,
}

impl RawFile {
    /// Without chunks.
    pub fn new(frames: u64) -> Self {
        Self { frames, chunks: Vec::new(), exited: true }
    }

    fn chunk(&mut self, kind: u32, thread: u32, closed: bool, times: [u64; 2], words: &[u64]) {
        let sequence = self.chunks.iter().filter(|chunk| chunk[4..8] == thread.to_le_bytes()).count() as u32;
        let mut bytes: Vec<u8> =
            [kind, thread, sequence, u32::from(closed)].iter().flat_map(|half| half.to_le_bytes()).collect();
        let nanoseconds = times.map(|time| time * UNIT);
        let head = [words.len() as u64 * 8, times[0], nanoseconds[0], times[1], nanoseconds[1], 0];
        bytes.extend(head.iter().flat_map(|word| word.to_le_bytes()));
        assert_eq!(bytes.len(), CHUNK_HEAD);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        assert!(bytes.len() <= CHUNK as usize);
        bytes.resize(CHUNK as usize, 0);
        self.chunks.push(bytes);
    }

    /// A chunk of calls.
    pub fn calls(&mut self, thread: u32, records: &[Record], closed: bool) {
        let begun = records[0].clock;
        let (mut before, mut words) = (begun, Vec::new());
        for record in records {
            let mut passed = record.clock - before;
            before = record.clock;
            if passed >= 1 << 12 {
                words.push(passed);
                passed = 0;
            }
            let address = if record.call.is_free() { record.old } else { record.new };
            words.push(address | (record.call as u64) << 48 | passed << 52);
            if !record.call.is_free() {
                words.push(record.size | u64::from(record.align) << 40);
                words.extend((record.call == Call::Realloc).then_some(record.old));
                words.extend((self.frames != 0).then_some(u64::from(record.stack)));
            }
        }
        self.chunk(1, thread, closed, [begun, before], &words);
    }

    /// A chunk of stacks.
    pub fn stacks(&mut self, stacks: &[(u32, Vec<u64>)]) {
        let words = stacks.iter().flat_map(|(number, frames)| {
            std::iter::once(u64::from(*number) | (frames.len() as u64) << 32).chain(frames.iter().copied())
        });
        let words: Vec<_> = words.collect();
        self.chunk(2, 0, false, [START, START], &words);
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let maps = b"0800-0900 rw-p 00000000 00:01 6 /no/such/data\n1000-9000 r-xp 00000000 00:01 7 /no/such/program\n";
        let words = [1, 4711, self.chunks.len() as u64, START, START * UNIT, START * UNIT, 6];
        let more = [u64::from(self.exited), 0, 0, self.frames, maps.len() as u64];
        bytes.extend(words.iter().chain(&more).flat_map(|word| word.to_le_bytes()));
        bytes.resize(4096, 0);
        bytes.extend(maps);
        bytes.resize(CHUNK as usize, 0);
        self.chunks.iter().for_each(|chunk| bytes.extend(chunk));
        bytes
    }
}

/// A directory that goes away.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("metes-trace-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A file in it.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Calls with nothing special: an allocation, a free.
pub fn malloc(clock: u64, new: u64, size: u64) -> Record {
    Record { clock: START + clock, call: Call::Malloc, new, old: 0, size, align: 0, stack: 0 }
}

pub fn free(clock: u64, old: u64) -> Record {
    Record { clock: START + clock, call: Call::Free, new: 0, old, size: 0, align: 0, stack: 0 }
}

pub fn realloc(clock: u64, old: u64, new: u64, size: u64) -> Record {
    Record { clock: START + clock, call: Call::Realloc, new, old, size, align: 0, stack: 0 }
}
