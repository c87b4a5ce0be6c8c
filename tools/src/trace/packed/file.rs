//! A trace of the final format, open for reading: by its index, or, if it has none, by walking its sections.

use super::calls;
use super::content::{self, Calls, Index, Live, Module, Moment, Names, Process};
use super::section::{self, Kind, Section};
use crate::failure::Failure;
use crate::trace::record::Record;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An open trace.
pub struct Packed {
    file: File,
    /// The process.
    pub process: Process,
    /// Where everything is. Of a file that was cut, what there is.
    pub index: Index,
    /// Whether the index was found: else the file was cut.
    pub is_whole: bool,
    /// Parts that were damaged, as far as that is known.
    pub damaged: u64,
    /// The stacks.
    pub stacks: HashMap<u32, Vec<u64>>,
    /// What was mapped.
    pub modules: Vec<Module>,
    /// The names of frames.
    pub names: Vec<Names>,
}

impl Packed {
    /// Takes a file that begins as a trace does.
    pub fn new(file: File, path: &Path) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::about(path.display(), why);
        let mut magic = [0; 16];
        file.read_exact_at(&mut magic, 0).map_err(|error| Failure::of_system(path.display(), &error))?;
        if magic != *section::MAGIC {
            return Err(wrong("is a trace of another version"));
        }
        let first = section::read(&file, magic.len() as u64).filter(|section| section.kind == Kind::Process);
        let process = first.and_then(|section| content::unpacked(&section.payload));
        let process = process.ok_or_else(|| wrong("this trace is damaged at its start, or not even that is there"))?;
        let mut packed = Self {
            file,
            process,
            index: Index::default(),
            is_whole: false,
            damaged: 0,
            stacks: HashMap::new(),
            modules: Vec::new(),
            names: Vec::new(),
        };
        match packed.find_index() {
            Some(index) => {
                packed.index = index;
                packed.is_whole = true;
                for place in std::mem::take(&mut packed.index.others) {
                    match section::read(&packed.file, place) {
                        Some(section) => packed.note(&section),
                        None => packed.damaged += 1,
                    }
                }
            }
            None => packed.walk(),
        }
        Ok(packed)
    }

    /// One that is being written, of which only calls are wanted.
    pub fn of_index(file: File, process: Process, index: Index) -> Self {
        Self {
            file,
            process,
            index,
            is_whole: true,
            damaged: 0,
            stacks: HashMap::new(),
            modules: Vec::new(),
            names: Vec::new(),
        }
    }

    fn find_index(&self) -> Option<Index> {
        let end = self.file.metadata().ok()?.len().checked_sub(section::FOOTER)?;
        let mut footer = [0; section::FOOTER as usize];
        self.file.read_exact_at(&mut footer, end).ok()?;
        let place = section::index_of(&footer)?;
        let section = section::read(&self.file, place)?;
        let is_last = section.kind == Kind::Index && section.end() == end;
        is_last.then(|| content::unpacked(&section.payload))?
    }

    /// Goes from section to section, and over what is damaged to the next that is whole.
    fn walk(&mut self) {
        let mut place = section::MAGIC.len() as u64;
        let mut is_damaged = false;
        loop {
            if let Some(section) = section::read(&self.file, place) {
                self.damaged += u64::from(is_damaged);
                is_damaged = false;
                self.note(&section);
                place = section.end();
            } else if let Some(next) = section::next_mark(&self.file, place + 1) {
                is_damaged = true;
                place = next;
            } else {
                // What is behind the last one was being written, or is a footer that nobody can read.
                self.damaged += u64::from(is_damaged || self.is_whole);
                return;
            }
        }
    }

    /// Takes what a section has.
    fn note(&mut self, section: &Section) {
        let payload = &section.payload;
        let is_fine = match section.kind {
            Kind::Process => true,
            Kind::Calls => postcard::take_from_bytes::<Calls>(payload)
                .map(|(calls, _)| {
                    self.index.last = self.index.last.max(calls.last);
                    self.index.calls.push((section.place, calls));
                })
                .is_ok(),
            Kind::Stacks => content::unpack_stacks(payload).map(|stacks| self.stacks.extend(stacks)).is_some(),
            Kind::Modules => content::unpacked(payload).map(|modules| self.modules = modules).is_some(),
            Kind::Names => content::unpacked(payload).map(|names: Vec<Names>| self.names.extend(names)).is_some(),
            // Without an index it is not known which moment it is.
            Kind::Live => true,
            Kind::Index => match content::unpacked(payload) {
                Some(index) => {
                    // What was found is what is whole.
                    self.is_whole = true;
                    self.index = Index { calls: std::mem::take(&mut self.index.calls), ..index };
                    true
                }
                None => false,
            },
        };
        self.damaged += u64::from(!is_fine);
    }

    /// The calls of a section.
    pub fn records(&self, place: u64) -> Option<Vec<Record>> {
        let section = section::read(&self.file, place).filter(|section| section.kind == Kind::Calls)?;
        let (head, columns) = postcard::take_from_bytes::<Calls>(&section.payload).ok()?;
        calls::unpack(columns, head.count as usize, head.begun.0)
    }

    /// The last moment that is not after a time, and what was live then.
    pub fn moment(&self, at: u64) -> Option<(&Moment, Vec<Live>)> {
        let calls = self.index.calls.iter().map(|(_, calls)| u64::from(calls.count)).sum();
        let is_possible = |moment: &Moment| moment.at <= at && moment.blocks <= calls;
        let found = self.index.moments.iter().rfind(|(_, moment)| is_possible(moment))?;
        let section = section::read(&self.file, found.0).filter(|section| section.kind == Kind::Live)?;
        Some((&found.1, content::unpack_live(&section.payload)?))
    }
}
