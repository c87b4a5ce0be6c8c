//! A snapshot: all that is known of a process's heap at one moment, taken from the process or kept in a file. It has the
//! shape of the heap, and nothing of what the program keeps in it.
//!
//! ```text
//!     "metes snapshot 1\n" | zstd: a Snapshot, as postcard writes it
//! ```

use crate::failure::Failure;
use crate::heap::source::Source;
use crate::heap::usage::Usage;
use crate::heap::walk::{Heap, Range};
use crate::process::Process;
use crate::process::maps::{self, Map};
use crate::process::pages::{Residencies, Run};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: &[u8] = b"metes snapshot 1\n";
/// No snapshot is larger when it is unpacked.
const LARGEST: u64 = 16 << 30;

/// A process's heap at one moment.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the process.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
    /// When it was taken, in seconds since 1970.
    pub taken: u64,
    /// The heap.
    pub heap: Heap,
    /// The maps of the process.
    pub maps: Vec<Map>,
    /// Which pages of the heap's ranges are resident: all, where the kernel did not say.
    pub residency: Residencies,
}

impl Snapshot {
    /// Of a process that runs. It is not stopped.
    pub fn take(process: &Process) -> Result<Self, Failure> {
        let source = Source::find(process, &maps::parse(&process.file("maps")?))?;
        Self::take_from(process, &source)
    }

    /// The same, with the channel at hand.
    pub fn take_from(process: &Process, source: &Source<'_>) -> Result<Self, Failure> {
        let heap = Heap::walk(source).ok_or_else(|| process.gone())?;
        let maps = maps::parse(&process.file("smaps").or_else(|_| process.file("maps"))?);
        let residency = residency(process, &heap, &maps);
        let taken = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Self { pid: process.pid(), name: process.name(), taken, heap, maps, residency })
    }

    /// One that no process has had.
    #[cfg(test)]
    pub fn made_up(heap: Heap, residency: Residencies) -> Self {
        Self { pid: 1, name: "made up".into(), taken: 0, heap, maps: Vec::new(), residency }
    }

    /// What a word of the command line names: the number of a process, or a file.
    pub fn of(what: &str) -> Result<Self, Failure> {
        match what.parse() {
            Ok(pid) => Self::take(&Process::open(pid)?),
            Err(_) => Self::load(Path::new(what)),
        }
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|error| Failure::about(path.display(), error))?;
        let wrong = |why: &str| Failure::about(path.display(), why);
        let packed = match bytes.strip_prefix(MAGIC) {
            Some(packed) => packed,
            None if bytes.starts_with(&MAGIC[..15]) => {
                return Err(wrong("this snapshot is of another version of the tool"));
            }
            None => return Err(wrong("neither the number of a process nor a snapshot")),
        };
        let mut all = Vec::new();
        let unpack =
            |all: &mut Vec<u8>| std::io::copy(&mut std::io::Read::take(zstd::Decoder::new(packed)?, LARGEST), all);
        unpack(&mut all).map_err(|_| wrong("this snapshot is damaged, or not all of it is there"))?;
        postcard::from_bytes(&all).map_err(|_| wrong("this snapshot is damaged, or not all of it is there"))
    }

    /// Writes it to a file, which must not be there yet.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::about(path.display(), error);
        let all = postcard::to_stdvec(self).map_err(|error| Failure::about(path.display(), error))?;
        let packed = zstd::encode_all(&*all, 3).map_err(failed)?;
        let mut file = fs::File::create_new(path).map_err(failed)?;
        let written = file.write_all(MAGIC).and_then(|()| file.write_all(&packed)).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // A part of one is of no use.
            let _ = fs::remove_file(path);
            failed(error)
        })
    }

    /// What it is of. Number 0 is no process's: the name says all.
    pub fn title(&self) -> String {
        if self.pid == 0 { self.name.clone() } else { format!("{} ({})", self.name, self.pid) }
    }

    /// What the resident memory is.
    pub fn usage(&self) -> Usage {
        Usage::of(&self.heap, &self.maps, &self.residency)
    }
}

/// What is resident of the heap's ranges: of each map of the process in one go, as far as it is metes'.
fn residency(process: &Process, heap: &Heap, maps: &[Map]) -> Residencies {
    let regions = heap.regions.iter().map(|region| region.range);
    let mappings = heap.mappings.iter().map(|mapping| mapping.range);
    let others = heap.others.iter().chain(&heap.records).copied();
    let mut ranges: Vec<Range> = regions.chain(mappings).chain(others).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut runs: Vec<Run> = Vec::new();
    for map in maps.iter().filter(|map| map.rss + map.swap != 0) {
        let first = ranges.partition_point(|range| range.end() <= map.start);
        let inside: Vec<_> = ranges[first..].iter().take_while(|range| range.start < map.end).collect();
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
        let (start, end) = (map.start.max(first.start), map.end.min(last.end()));
        let told = process.resident(start, end).unwrap_or_else(|| vec![Run::new(start, end, false, false)]);
        runs.extend(
            told.into_iter().map(|run| Run::new(run.start.max(map.start), run.end.min(map.end), run.huge, run.swapped)),
        );
    }
    Residencies::of(runs)
}
