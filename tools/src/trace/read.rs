//! A trace that is open for reading, whichever format it has.

use super::order::Events;
use super::raw::{self, Raw};
use super::record::{Clock, Record};
use crate::failure::Failure;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A thread of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its number, as the library gave it.
    pub number: u32,
    /// Its chunks, in their order.
    pub chunks: Vec<Chunk>,
}

/// A chunk of a thread's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Where it is: of a raw file which chunk, else where it stands in the file.
    pub place: u64,
    /// The clock of its first call, or before.
    pub begun: u64,
}

/// How a trace ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ending {
    /// Whether the process came to its exit while it was recorded: else it was killed, or runs still.
    pub exited: bool,
    /// Calls that could not be recorded.
    pub missed: u64,
    /// Whether the recording stopped before the process did, as the disk was full.
    pub stopped: bool,
}

/// An open trace.
pub struct Trace {
    raw: Raw,
    has_stacks: bool,
    pid: u32,
    threads: Vec<Thread>,
    stacks: HashMap<u32, Vec<u64>>,
    clock: Clock,
    duration: u64,
    ending: Ending,
}

impl Trace {
    /// Opens a trace, which may be the raw file of a process that still runs.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let fail = |error: &std::io::Error| Failure::of_system(path.display(), error);
        let mut file = File::open(path).map_err(|error| fail(&error))?;
        let mut magic = Vec::new();
        file.by_ref().take(16).read_to_end(&mut magic).map_err(|error| fail(&error))?;
        if magic != raw::MAGIC {
            return Err(Failure::about(path.display(), "is no trace of metes"));
        }
        Ok(Self::of_raw(Raw::new(file, path)?))
    }

    fn of_raw(raw: Raw) -> Self {
        let head = raw.head();
        let mut threads: HashMap<u32, Vec<(raw::Chunk, u64)>> = HashMap::new();
        let mut stacks = HashMap::new();
        let mut latest = head.start;
        for place in 0..raw.chunks() {
            let Some(chunk) = raw.chunk(place) else { continue };
            latest = latest.max(chunk.begun).max(chunk.closed);
            match chunk.kind {
                raw::Kind::Calls => threads.entry(chunk.thread).or_default().push((chunk, place)),
                raw::Kind::Stacks => stacks.extend(raw.stacks(place, &chunk)),
            }
        }
        let clock = Clock::between(head.start, latest).unwrap_or(Clock { start: head.start.0, unit: 1.0 });
        let mut threads: Vec<_> = threads
            .into_iter()
            .map(|(number, mut chunks)| {
                chunks.sort_by_key(|(chunk, _)| chunk.sequence);
                let chunks = chunks.iter().map(|&(chunk, place)| Chunk { place, begun: chunk.begun.0 }).collect();
                Thread { number, chunks }
            })
            .collect();
        threads.sort_by_key(|thread| (thread.chunks[0].begun, thread.number));
        let ending = Ending { exited: head.exited, missed: head.missed, stopped: head.stopped };
        let mut trace =
            Self { has_stacks: head.frames != 0, pid: head.pid, threads, stacks, clock, duration: 0, ending, raw };
        let ends = trace.threads.iter().filter_map(|thread| trace.records(thread.chunks.last()?)?.last().copied());
        let end = ends.map(|record| record.clock).max().unwrap_or(0).max(latest.0);
        trace.duration = clock.nanoseconds(end);
        trace
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its threads, in the order of their first calls.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// The return addresses of a stack, innermost first.
    pub fn stack(&self, number: u32) -> &[u64] {
        self.stacks.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Nanoseconds from the start of the process to its last call.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// All events.
    pub fn events(&self) -> Events<'_> {
        Events::of(self, 0, u64::MAX)
    }

    /// The events of a time: nanoseconds from the start, the last one not included. Blocks have the same numbers as in
    /// `events`.
    pub fn events_between(&self, from: u64, to: u64) -> Events<'_> {
        Events::of(self, from, to)
    }

    /// The records of a chunk; `None` if it is damaged.
    pub(super) fn records(&self, chunk: &Chunk) -> Option<Vec<Record>> {
        let found = self.raw.chunk(chunk.place)?;
        Some(self.raw.records(chunk.place, &found, self.has_stacks))
    }

    /// The clock.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }
}
