//! Leaks by where they come from.

use crate::failure::Failure;
use crate::input;
use crate::symbols::Place;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

/// What a file of leaks says that it is.
pub const FORMAT: &str = "metes leaks 1";

/// The leaks of a program.
#[derive(Serialize, Deserialize, Default)]
pub struct Leaks {
    /// `FORMAT`.
    pub format: String,
    /// The name of the program.
    pub program: String,
    /// The processes that have leaks, or the one that was searched.
    pub pids: Vec<u32>,
    /// Blocks that nothing points to.
    pub direct: Sum,
    /// Blocks that only leaks lead to.
    pub indirect: Sum,
    /// Blocks of both kinds that a file of suppressions has taken out.
    pub suppressed: Sum,
    /// How many more places there are that the library has not listed.
    #[serde(default)]
    pub unlisted: u64,
    /// How a process was searched.
    pub search: Option<Searched>,
    /// Where they come from, most bytes first.
    pub sites: Vec<Site>,
}

/// Blocks and their bytes.
#[derive(Serialize, Deserialize, Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sum {
    /// How many.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How a process was searched.
#[derive(Serialize, Deserialize, Default, Debug)]
pub struct Searched {
    /// Blocks in use.
    pub blocks: Sum,
    /// Resident bytes of other memory that was searched.
    pub roots: u64,
    /// For how many milliseconds the process stood still; `None` if it went on meanwhile.
    pub stopped_ms: Option<f64>,
    /// How long all of it took.
    pub took_ms: f64,
    /// Threads whose registers were read.
    pub threads: u64,
    /// Leaked bytes of which the site is known.
    pub known: u64,
    /// What is said about how far it can be relied on.
    pub notes: Vec<String>,
}

/// How a leak can be reached.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Not at all.
    Direct,
    /// Only from a leak.
    Indirect,
}

/// A place in a program, with its leaks.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Site {
    /// How they can be reached.
    pub reach: Reach,
    /// How many.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes that they stand for where they are samples, as an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<u64>,
    /// The calls that have allocated them, innermost first; none if these are not known.
    pub frames: Vec<Frame>,
    /// Where the calls are not known: the bytes of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where the calls are not known: a symbol that a word at the start of each points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A call.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Frame {
    /// The function; or what else is known of the address.
    pub function: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The program or library, and the address in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
}

/// A leaked block.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Example {
    /// Its address, in hexadecimal.
    pub address: String,
    /// Its bytes.
    pub size: u64,
    /// The first of them, in hexadecimal; nothing if they are not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first: String,
}

impl Frame {
    /// Of a place, at an address.
    pub fn of(place: &Place, address: String) -> Self {
        let function = place.function.clone().unwrap_or_else(|| "??".into());
        Self { function, file: place.file.clone(), line: place.line, address }
    }

    /// What tells it from others.
    fn place(&self) -> Self {
        let is_known = self.file.is_some() && self.line.is_some();
        Self { address: if is_known { String::new() } else { self.address.clone() }, ..self.clone() }
    }

    /// Whether it is a part of a language's library: a container, an allocator of its own.
    pub fn is_of_library(&self) -> bool {
        const STARTS: [&str; 10] = [
            "std::",
            "__gnu_cxx::",
            "operator new",
            "_ZSt",
            "_ZNSt",
            "alloc::",
            "core::",
            "<alloc::",
            "<core::",
            "<std::",
        ];
        let function = self.function.trim_start_matches("void ");
        STARTS.iter().any(|start| function.starts_with(start)) || function.starts_with("__rust")
    }

    /// The frames of an address: inlined functions first, the last of them with the address.
    pub fn all(places: &[Place], address: &str) -> Vec<Self> {
        if places.is_empty() {
            return vec![Self { function: address.into(), file: None, line: None, address: address.into() }];
        }
        places.iter().map(|place| Self::of(place, address.into())).collect()
    }
}

impl Sum {
    /// Adds blocks.
    pub fn add(&mut self, blocks: u64, bytes: u64) {
        self.blocks += blocks;
        self.bytes += bytes;
    }
}

impl Site {
    /// Blocks that these calls have allocated.
    pub fn of(reach: Reach, blocks: u64, bytes: u64, frames: Vec<Frame>) -> Self {
        Self { reach, blocks, bytes, estimate: None, frames, size: None, symbol: None, examples: Vec::new() }
    }

    /// What tells it from other sites, also those of another run or build: no addresses, no lines.
    pub fn key(&self) -> (Reach, Vec<String>, Option<u64>, Option<String>) {
        let functions = self.frames.iter().map(|frame| frame.function.clone()).collect();
        (self.reach, functions, self.size, self.symbol.clone())
    }
}

impl Leaks {
    /// Puts sites that are the same together, and the largest first; sums are made of them.
    pub fn of(program: String, pids: Vec<u32>, sites: Vec<Site>) -> Self {
        const EXAMPLES: usize = 3;
        let mut places: HashMap<_, usize> = HashMap::new();
        let mut merged: Vec<Site> = Vec::new();
        for site in sites {
            // Of calls on one line the address does not matter.
            let frames: Vec<_> = site.frames.iter().map(Frame::place).collect();
            let key = (site.reach, frames, site.size, site.symbol.clone());
            let place = *places.entry(key).or_insert(merged.len());
            let Some(same) = merged.get_mut(place) else {
                merged.push(site);
                continue;
            };
            same.blocks += site.blocks;
            same.bytes += site.bytes;
            same.estimate =
                same.estimate.or(site.estimate).map(|_| same.estimate.unwrap_or(0) + site.estimate.unwrap_or(0));
            same.examples.extend(site.examples);
            same.examples.truncate(EXAMPLES);
        }
        merged.sort_by_cached_key(|site| (site.reach, Reverse(site.bytes), site.key()));
        let mut all = Self { format: FORMAT.into(), program, pids, sites: merged, ..Self::default() };
        all.sum_up();
        all
    }

    /// Makes the sums anew.
    pub fn sum_up(&mut self) {
        (self.direct, self.indirect) = (Sum::default(), Sum::default());
        for site in &self.sites {
            let sum = if site.reach == Reach::Direct { &mut self.direct } else { &mut self.indirect };
            sum.add(site.blocks, site.bytes);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.direct.blocks + self.indirect.blocks == 0
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read(path)?;
        let read: Result<Self, _> = serde_json::from_slice(&bytes);
        let is_other = || {
            let any: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            any.is_some_and(|any| any["format"].as_str().is_some_and(|format| format.starts_with("metes leaks")))
        };
        match read {
            Ok(leaks) if leaks.format == FORMAT => Ok(leaks),
            _ if is_other() => {
                Err(Failure::about(path.display(), "these leaks are of another version of the tool, or damaged"))
            }
            _ => Err(Failure::about(path.display(), "is no file of metes leaks, or not all of it is there")),
        }
    }
}
