//! The raw file, which the library writes: docs/design/trace.md has its format. The process may still be running.

use super::ending::Ending;
use super::event::Call;
use super::packed::content::Process;
use super::record::Record;
use crate::failure::Failure;
use crate::process::maps;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How it begins.
pub const MAGIC: &[u8; 16] = b"metes trace raw\n";
/// Bytes of the head, and of a chunk.
pub const CHUNK: u64 = 1 << 16;
const VERSION: u64 = 1;
/// Records begin here in a chunk.
pub const CHUNK_HEAD: usize = 64;
const MAPS: u64 = 4096;
const ADDRESS: u64 = (1 << 48) - 1;
const SIZE: u64 = (1 << 40) - 1;

/// What the head says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head {
    /// The process.
    pub pid: u32,
    /// Chunks that were taken.
    pub chunks: u64,
    /// The clock at the start, and the nanoseconds of `CLOCK_MONOTONIC` then.
    pub start: (u64, u64),
    /// The same moment in nanoseconds of `CLOCK_REALTIME`.
    pub real: u64,
    /// Whether the process has come to its exit.
    pub exited: bool,
    /// Calls that were missed.
    pub missed: u64,
    /// Whether recording has stopped, as the file could not grow.
    pub stopped: bool,
    /// The most frames of a stack; 0 without stacks.
    pub frames: u64,
    maps: u64,
}

impl Head {
    /// What is said of the process, with the text of its maps.
    pub fn process(&self, maps: &str) -> Process {
        // Programs map data below themselves.
        let is_code = |map: &maps::Map| map.inode != 0 && map.executable;
        let program = maps::parse(maps).into_iter().find(is_code).map(|map| map.name).unwrap_or_default();
        Process { pid: self.pid, start: self.start, real: self.real, frames: self.frames, program }
    }

    /// How the recording ended, if it has.
    pub fn ending(&self) -> Ending {
        Ending { exited: self.exited, missed: self.missed, stopped: self.stopped, cut: false }
    }
}

/// What a chunk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records of calls of a thread.
    Calls,
    /// Stacks.
    Stacks,
}

/// What a chunk's head says.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// What is in it.
    pub kind: Kind,
    /// The thread's number.
    pub thread: u32,
    /// Whether no more is written to it.
    pub is_closed: bool,
    /// Bytes of records.
    pub len: usize,
    /// The clock when it was begun, and the nanoseconds.
    pub begun: (u64, u64),
    /// The same of when it was closed.
    pub closed: (u64, u64),
}

/// An open raw file.
pub struct Raw {
    file: File,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
}

fn half(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |half| u32::from_le_bytes(half.try_into().unwrap_or_default()))
}

impl Raw {
    /// Takes a file if it is a raw one.
    pub fn open(file: File, path: &Path) -> Result<Self, Failure> {
        let mut magic = [0; MAGIC.len()];
        match file.read_exact_at(&mut magic, 0) {
            Ok(()) if magic == *MAGIC => Self::new(file, path),
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Err(Failure::of_system(path.display(), &error))
            }
            _ => Err(Failure::about(path.display(), "is no raw trace of metes")),
        }
    }

    /// Takes a file that begins as a raw file does.
    pub fn new(file: File, path: &Path) -> Result<Self, Failure> {
        let raw = Self { file };
        let wrong = |why: &str| Failure::about(path.display(), why);
        let head = raw.bytes(0, MAPS as usize);
        if head.len() < MAPS as usize {
            return Err(wrong("this raw trace is not all there"));
        }
        match word(&head, 16) {
            VERSION => Ok(raw),
            _ => Err(wrong("is a raw trace of another version")),
        }
    }

    /// The head as it is now.
    pub fn head(&self) -> Head {
        let bytes = self.bytes(0, 112);
        Head {
            pid: u32::try_from(word(&bytes, 24)).unwrap_or(0),
            chunks: word(&bytes, 32),
            start: (word(&bytes, 40), word(&bytes, 48)),
            real: word(&bytes, 56),
            exited: word(&bytes, 72) != 0,
            missed: word(&bytes, 80),
            stopped: word(&bytes, 88) != 0,
            frames: word(&bytes, 96),
            maps: word(&bytes, 104),
        }
    }

    /// The text of the process's maps, as it was last written.
    pub fn maps(&self) -> String {
        let len = self.head().maps.min(CHUNK - MAPS);
        String::from_utf8_lossy(&self.bytes(MAPS, usize::try_from(len).unwrap_or(0))).into_owned()
    }

    /// How many chunks the file has.
    pub fn chunks(&self) -> u64 {
        let len = self.file.metadata().map_or(0, |found| found.len());
        // The last one may be there in part.
        self.head().chunks.min(len.div_ceil(CHUNK))
    }

    /// The head of a chunk; `None` if it is not begun, or is none.
    pub fn chunk(&self, index: u64) -> Option<Chunk> {
        let bytes = self.bytes((index + 1) * CHUNK, CHUNK_HEAD);
        let kind = match half(&bytes, 0) {
            1 => Kind::Calls,
            2 => Kind::Stacks,
            _ => return None,
        };
        let len = usize::try_from(word(&bytes, 16)).unwrap_or(0);
        Some(Chunk {
            kind,
            thread: half(&bytes, 4),
            is_closed: half(&bytes, 12) == 1,
            len: len.min(CHUNK as usize - CHUNK_HEAD),
            begun: (word(&bytes, 24), word(&bytes, 32)),
            closed: (word(&bytes, 40), word(&bytes, 48)),
        })
    }

    /// The records of a chunk of calls. One that makes no sense ends it.
    pub fn records(&self, index: u64, chunk: &Chunk, has_stacks: bool) -> Vec<Record> {
        let words = self.words(index, chunk);
        let mut words = words.iter().copied();
        let mut clock = chunk.begun.0;
        let mut records = Vec::new();
        while let Some(record) = record(&mut words, &mut clock, has_stacks) {
            records.push(record);
        }
        records
    }

    /// The stacks of a chunk of stacks: their numbers, and return addresses, innermost first.
    pub fn stacks(&self, index: u64, chunk: &Chunk) -> Vec<(u32, Vec<u64>)> {
        let words = self.words(index, chunk);
        let mut rest = &words[..];
        let mut stacks = Vec::new();
        while let Some((&head, behind)) = rest.split_first() {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            let (number, frames) = (head as u32, (head >> 32) as usize);
            let Some(addresses) = behind.get(..frames) else { break };
            stacks.push((number, addresses.to_vec()));
            rest = &behind[frames..];
        }
        stacks
    }

    fn words(&self, index: u64, chunk: &Chunk) -> Vec<u64> {
        let bytes = self.bytes((index + 1) * CHUNK + CHUNK_HEAD as u64, chunk.len);
        bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default())).collect()
    }

    /// The file, of which packed parts are given back.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// So many bytes; fewer where the file ends.
    fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut have = 0;
        while have < len {
            match self.file.read_at(&mut bytes[have..], at + have as u64) {
                Ok(count) if count > 0 => have += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        bytes.truncate(have);
        bytes
    }
}

/// The next record of a chunk.
fn record(words: &mut impl Iterator<Item = u64>, clock: &mut u64, has_stacks: bool) -> Option<Record> {
    loop {
        let first = words.next()?;
        let (address, kind) = (first & ADDRESS, first >> 48 & 15);
        *clock = clock.wrapping_add(first >> 52);
        if kind == 0 {
            *clock = clock.wrapping_add(address);
            continue;
        }
        let call = Call::of(kind)?;
        let mut record = Record { clock: *clock, call, new: address, old: 0, size: 0, align: 0, stack: 0 };
        if call.is_free() {
            (record.new, record.old) = (0, address);
            return Some(record);
        }
        let size = words.next()?;
        (record.size, record.align) = (size & SIZE, (size >> 40) as u8);
        if call == Call::Realloc {
            record.old = words.next()? & ADDRESS;
        }
        if has_stacks {
            record.stack = u32::try_from(words.next()?).ok()?;
        }
        return Some(record);
    }
}

/// Gives the space of a chunk back to the file system; what it had is gone. Not all file systems can do this.
#[expect(unsafe_code, reason = "the standard library makes no holes")]
pub fn give_back(file: &File, index: u64) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    let at = ((index + 1) * CHUNK).cast_signed();
    // SAFETY: the descriptor is open.
    unsafe { libc::fallocate(file.as_raw_fd(), mode, at, CHUNK.cast_signed()) };
}
