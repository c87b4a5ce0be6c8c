//! Writing a trace of the final format: section after section, of which each is whole when it is there.

use super::calls;
use super::content::{self, Calls, Index, Live, Module, Moment, Names, Process};
use super::section::{self, Kind};
use crate::trace::ending::Ending;
use crate::trace::record::{Clock, Record};
use std::fs::File;
use std::io::{self, Write};

/// A trace that is being written.
pub struct Writer {
    file: File,
    at: u64,
    index: Index,
}

impl Writer {
    /// Begins a file, which is empty.
    pub fn begin(mut file: File, process: &Process) -> io::Result<Self> {
        file.write_all(section::MAGIC)?;
        let mut writer = Self { file, at: section::MAGIC.len() as u64, index: Index::default() };
        writer.section(Kind::Process, &content::packed(process)?)?;
        Ok(writer)
    }

    /// Adds a section, with one write: a file that is cut ends in the midst of one at most.
    fn section(&mut self, kind: Kind, payload: &[u8]) -> io::Result<u64> {
        let bytes = section::bytes(kind, payload)?;
        self.file.write_all(&bytes)?;
        let place = self.at;
        self.at += bytes.len() as u64;
        Ok(place)
    }

    /// Adds calls of a thread. `begun` is a clock before the first, and the nanoseconds of `CLOCK_MONOTONIC`.
    pub fn calls(&mut self, thread: u32, begun: (u64, u64), records: &[Record]) -> io::Result<()> {
        for records in records.chunks(calls::MOST) {
            let last = records.last().map_or(begun.0, |record| record.clock);
            let count = u32::try_from(records.len()).map_err(io::Error::other)?;
            let head = Calls { thread, count, begun, last };
            let mut payload = postcard::to_stdvec(&head).map_err(io::Error::other)?;
            payload.extend(calls::pack(records, begun.0)?);
            let place = self.section(Kind::Calls, &payload)?;
            self.index.last = self.index.last.max(last);
            self.index.calls.push((place, head));
        }
        Ok(())
    }

    /// Adds stacks.
    pub fn stacks(&mut self, stacks: &[(u32, Vec<u64>)]) -> io::Result<()> {
        let payload = content::pack_stacks(stacks)?;
        self.other(Kind::Stacks, &payload)
    }

    /// Adds what was mapped.
    pub fn modules(&mut self, modules: &[Module]) -> io::Result<()> {
        let payload = content::packed(&modules)?;
        self.other(Kind::Modules, &payload)
    }

    /// Adds names of frames.
    pub fn names(&mut self, names: &[Names]) -> io::Result<()> {
        const TOGETHER: usize = 1 << 14;
        names.chunks(TOGETHER).try_for_each(|names| {
            let payload = content::packed(&names)?;
            self.other(Kind::Names, &payload)
        })
    }

    fn other(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let place = self.section(kind, payload)?;
        self.index.others.push(place);
        Ok(())
    }

    /// Adds what is live at a moment. Where that is too much for a section, nothing is added.
    pub fn moment(&mut self, moment: Moment, live: &mut [Live]) -> io::Result<()> {
        let payload = content::pack_live(live)?;
        if payload.len() <= section::LONGEST {
            let place = self.section(Kind::Live, &payload)?;
            self.index.moments.push((place, moment));
        }
        Ok(())
    }

    /// Adds the index and the footer: the trace is whole. How many bytes it has.
    pub fn finish(mut self, clock: Clock, ending: Ending) -> io::Result<u64> {
        self.index.clock = Some(clock);
        self.index.ending = ending;
        let place = self.section(Kind::Index, &content::packed(&self.index)?)?;
        self.file.write_all(&section::footer(place))?;
        self.file.sync_all()?;
        Ok(self.at + section::FOOTER)
    }

    /// The index so far, as it would be at the end.
    pub fn index(&self, clock: Clock, ending: Ending) -> Index {
        Index { clock: Some(clock), ending, ..self.index.clone() }
    }
}
