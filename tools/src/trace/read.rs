//! A trace that is open for reading, whichever format it has.

use super::ending::Ending;
use super::packed::content::{Live, Moment, Process};
use super::packed::file::Packed;
use super::packed::section;
use super::raw::{self, Raw};
use super::record::{Clock, Record};
use crate::failure::Failure;
use crate::process::maps;
use crate::profile::sites::Sites;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

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

/// Which format the file has.
enum Source {
    Raw(Raw),
    Packed(Box<Packed>),
}

/// An open trace.
pub struct Trace {
    source: Source,
    process: Process,
    threads: Vec<Thread>,
    stacks: HashMap<u32, Vec<u64>>,
    clock: Clock,
    duration: u64,
    ending: Ending,
    damaged: u64,
}

impl Trace {
    /// Opens a trace: one of the final format, or the raw file of a process, which may still run.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let fail = |error: &std::io::Error| Failure::of_system(path.display(), error);
        let mut file = File::open(path).map_err(|error| fail(&error))?;
        let mut magic = Vec::new();
        file.by_ref().take(16).read_to_end(&mut magic).map_err(|error| fail(&error))?;
        if magic == raw::MAGIC {
            return Ok(Self::of_raw(Raw::new(file, path)?));
        }
        if magic.len() == 16 && magic.starts_with(section::ANY_VERSION) {
            return Ok(Self::of_packed(Packed::new(file, path)?));
        }
        Err(Failure::about(path.display(), "is no trace of metes"))
    }

    fn of_raw(raw: Raw) -> Self {
        let head = raw.head();
        let mut chunks = Vec::new();
        let mut stacks = HashMap::new();
        let mut latest = head.start;
        for place in 0..raw.chunks() {
            let Some(chunk) = raw.chunk(place) else { continue };
            latest = latest.max(chunk.begun).max(chunk.closed);
            match chunk.kind {
                raw::Kind::Calls => chunks.push((chunk.thread, Chunk { place, begun: chunk.begun.0 })),
                raw::Kind::Stacks => stacks.extend(raw.stacks(place, &chunk)),
            }
        }
        let threads = threads_of(chunks);
        let mut trace = Self {
            process: head.process(&raw.maps()),
            threads,
            stacks,
            clock: Clock::of(head.start, head.real, latest),
            duration: 0,
            ending: head.ending(),
            damaged: 0,
            source: Source::Raw(raw),
        };
        let ends = trace.threads.iter().filter_map(|thread| trace.records(thread.chunks.last()?)?.last().copied());
        let end = ends.map(|record| record.clock).max().unwrap_or(0);
        trace.duration = trace.clock.nanoseconds(end);
        trace
    }

    /// One of the final format.
    pub fn of_packed(mut packed: Packed) -> Self {
        let index = &packed.index;
        let chunks = index.calls.iter().map(|&(place, calls)| (calls.thread, Chunk { place, begun: calls.begun.0 }));
        let process = packed.process.clone();
        let latest = index.calls.iter().map(|(_, calls)| calls.begun).max().unwrap_or_default();
        let clock = index.clock.unwrap_or_else(|| Clock::of(process.start, process.real, latest));
        Self {
            threads: threads_of(chunks.collect()),
            stacks: std::mem::take(&mut packed.stacks),
            clock,
            duration: clock.nanoseconds(index.last),
            ending: Ending { cut: !packed.is_whole, ..index.ending },
            damaged: packed.damaged,
            process,
            source: Source::Packed(Box::new(packed)),
        }
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its threads, in the order of their first calls.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// The return addresses of a stack, innermost first.
    pub fn stack(&self, number: u32) -> &[u64] {
        self.stacks.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The names of the stacks' frames: those that are in the trace, else as this machine's files have them.
    pub fn sites(&self, debug_directories: &[PathBuf]) -> Sites {
        match &self.source {
            Source::Raw(raw) => Sites::in_maps(maps::parse(&raw.maps()), debug_directories),
            Source::Packed(packed) => {
                let modules = packed.modules.iter();
                let maps = modules.clone().map(|module| module.map.clone()).collect();
                let mut sites = Sites::in_maps(maps, debug_directories);
                modules.for_each(|module| sites.know_build_id(&module.map.name, &module.build_id));
                packed.names.iter().for_each(|names| sites.know(names.frame, names.places()));
                sites
            }
        }
    }

    /// Nanoseconds from the start of the process to its last call.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Parts that were found to be damaged when it was opened. `Events::damaged` has those of calls.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The records of a chunk; `None` if it is damaged.
    pub(super) fn records(&self, chunk: &Chunk) -> Option<Vec<Record>> {
        match &self.source {
            Source::Raw(raw) => {
                let found = raw.chunk(chunk.place)?;
                Some(raw.records(chunk.place, &found, self.process.frames != 0))
            }
            Source::Packed(packed) => packed.records(chunk.place),
        }
    }

    /// The last moment before a time from which on the trace can be read, and what was live then.
    pub(super) fn moment(&self, at: u64) -> Option<(&Moment, Vec<Live>)> {
        match &self.source {
            Source::Raw(_) => None,
            Source::Packed(packed) => packed.moment(at),
        }
    }

    /// The clock.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }
}

/// Chunks by their threads, both in the order of time.
fn threads_of(chunks: Vec<(u32, Chunk)>) -> Vec<Thread> {
    let mut threads: HashMap<u32, Vec<Chunk>> = HashMap::new();
    chunks.into_iter().for_each(|(number, chunk)| threads.entry(number).or_default().push(chunk));
    let in_order = |(number, mut chunks): (u32, Vec<Chunk>)| {
        // Those of one number are in the order of their places. Another thread may get it later.
        chunks.sort_by_key(|chunk| chunk.begun);
        Thread { number, chunks }
    };
    let mut threads: Vec<_> = threads.into_iter().map(in_order).collect();
    threads.sort_by_key(|thread| (thread.chunks.first().map_or(0, |chunk| chunk.begun), thread.number));
    threads
}
