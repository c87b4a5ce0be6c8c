//! Makes a trace of a raw file, which may still grow.

use super::order::Events;
use super::packed::content::{Live, Module, Moment, Names};
use super::packed::file::Packed;
use super::packed::writer::Writer;
use super::raw::{self, Kind, Raw};
use super::read::Trace;
use super::record::Clock;
use crate::process::maps;
use crate::profile::sites::Sites;
use foldhash::fast::FixedState;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// So many events are between two moments at least, and so many for each block that is live.
const EVENTS: u64 = 8_000_000;
const EVENTS_OF_LIVE: u64 = 8;

/// What makes a trace of a raw file.
pub struct Packer {
    raw: Raw,
    writer: Writer,
    file: File,
    /// How many of the raw file's chunks have been seen.
    seen: u64,
    /// Those that are not packed yet.
    open: Vec<u64>,
    /// Of chunks of stacks that are open: how many stacks of theirs are packed.
    stacks: HashMap<u64, usize>,
    /// The frames of all stacks.
    frames: BTreeSet<u64>,
    latest: (u64, u64),
    /// Whether the raw file's chunks are given back to the file system.
    gives_back: bool,
    /// So many events are between two moments at least.
    moment_every: u64,
}

/// What was packed.
#[derive(Clone, Copy, Debug)]
pub struct Packing {
    /// Bytes of the trace.
    pub bytes: u64,
    /// Events.
    pub events: u64,
}

impl Packer {
    /// Begins. The file is empty, and can be read as well.
    pub fn begin(raw: Raw, file: File, gives_back: bool) -> io::Result<Self> {
        let head = raw.head();
        let writer = Writer::begin(file.try_clone()?, &head.process(&raw.maps()))?;
        Ok(Self {
            raw,
            writer,
            file,
            seen: 0,
            open: Vec::new(),
            stacks: HashMap::new(),
            frames: BTreeSet::new(),
            latest: head.start,
            gives_back,
            moment_every: EVENTS,
        })
    }

    /// The same with more moments or fewer.
    #[cfg(test)]
    pub fn with_moments(self, moment_every: u64) -> Self {
        Self { moment_every, ..self }
    }

    /// Packs what is closed.
    pub fn step(&mut self) -> io::Result<()> {
        self.pack(false)
    }

    fn pack(&mut self, with_open: bool) -> io::Result<()> {
        // A call is in the file after its stack. So calls that are read before the stacks have theirs.
        let chunks = self.raw.chunks();
        self.open.extend(self.seen..chunks);
        self.seen = chunks;
        let heads: Vec<_> = self.open.iter().map(|&place| (place, self.raw.chunk(place))).collect();
        for (place, chunk) in &heads {
            if let Some(chunk) = chunk.filter(|chunk| chunk.kind == Kind::Stacks) {
                self.pack_stacks(*place, &chunk)?;
            }
        }
        for (place, chunk) in heads {
            let Some(chunk) = chunk.filter(|chunk| chunk.is_closed || with_open) else { continue };
            self.latest = self.latest.max(chunk.begun).max(chunk.closed);
            if chunk.kind == Kind::Calls {
                let records = self.raw.records(place, &chunk, self.raw.head().frames != 0);
                self.writer.calls(chunk.thread, chunk.begun, &records)?;
            }
            self.open.retain(|&open| open != place);
            if self.gives_back {
                raw::give_back(self.raw.file(), place);
            }
        }
        Ok(())
    }

    fn pack_stacks(&mut self, place: u64, chunk: &raw::Chunk) -> io::Result<()> {
        let stacks = self.raw.stacks(place, chunk);
        let packed = self.stacks.entry(place).or_default();
        let new = stacks.get(*packed..).unwrap_or_default();
        if !new.is_empty() {
            self.writer.stacks(new)?;
            new.iter().for_each(|(_, frames)| self.frames.extend(frames));
            *packed = stacks.len();
        }
        Ok(())
    }

    /// Packs the rest, with the names of all frames. Files of debug information are looked for in these directories.
    pub fn finish(mut self, debug_directories: &[PathBuf]) -> io::Result<Packing> {
        self.pack(true)?;
        let head = self.raw.head();
        let maps = maps::parse(&self.raw.maps());
        let build_id = |path: &str| crate::elf::build_id_of(Path::new(path)).unwrap_or_default();
        let code = maps.iter().filter(|map| map.inode != 0 && map.executable);
        let modules: Vec<_> = code.map(|map| Module { map: map.clone(), build_id: build_id(&map.name) }).collect();
        self.writer.modules(&modules)?;
        let mut sites = Sites::in_maps(maps, debug_directories);
        let names: Vec<_> = self.frames.iter().map(|&frame| Names::of(frame, &sites.places(frame))).collect();
        self.writer.names(&names)?;
        let clock = Clock::of(head.start, head.real, self.latest);
        let events = self.moments(clock)?;
        let bytes = self.writer.finish(clock, head.ending())?;
        Ok(Packing { bytes, events })
    }

    /// Adds moments, from which on the trace can be read. How many events it has.
    fn moments(&mut self, clock: Clock) -> io::Result<u64> {
        let head = self.raw.head();
        let index = self.writer.index(clock, head.ending());
        let count = index.calls.iter().map(|(_, calls)| u64::from(calls.count)).sum();
        if count <= self.moment_every {
            return Ok(count);
        }
        let packed = Packed::of_index(self.file.try_clone()?, head.process(""), index);
        let trace = Trace::of_packed(packed);
        let mut events = trace.events();
        let mut live = Heap::default();
        let (mut done, mut next) = (0, self.moment_every);
        while live.follow(&mut events) {
            done += 1;
            if done >= next {
                let moment = Moment {
                    at: live.at,
                    events: done,
                    blocks: events.blocks(),
                    live: (live.blocks.len() as u64, live.bytes),
                    positions: events.positions(),
                };
                let mut blocks: Vec<_> = live.blocks.values().copied().collect();
                self.writer.moment(moment, &mut blocks)?;
                next = done + self.moment_every.max(EVENTS_OF_LIVE * blocks.len() as u64);
            }
        }
        Ok(count)
    }
}

/// What is live, as a trace is read.
#[derive(Default)]
struct Heap {
    blocks: HashMap<u64, Live, FixedState>,
    bytes: u64,
    at: u64,
}

impl Heap {
    /// Follows the next event; false if there is none.
    fn follow(&mut self, events: &mut Events<'_>) -> bool {
        let Some(event) = events.next() else { return false };
        self.at = event.at;
        if let Some(old) = self.blocks.remove(&event.old) {
            self.bytes -= old.size;
        }
        if event.block != 0 {
            let live = Live { address: event.address, block: event.block, size: event.size, stack: event.stack };
            self.blocks.insert(event.block, live);
            self.bytes += event.size;
        }
        true
    }
}
