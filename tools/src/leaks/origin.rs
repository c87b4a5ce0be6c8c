//! Which calls have allocated a block, as far as the process knows it.

use super::found::{Example, Frame, Leaks, Reach, Site};
use super::image::Image;
use crate::heap::source::Source;
use crate::heap::stacks;
use crate::process::Memory;
use crate::profile::Profile;
use crate::profile::sites::{Sites, base_name};
use std::collections::HashMap;
use std::path::PathBuf;

/// So many words at a block's start may say what it is.
const WORDS: u64 = 4;
/// So many bytes of an example are shown.
const SHOWN: u64 = 16;

/// Where blocks come from, by their addresses.
#[derive(Default)]
pub struct Origins {
    /// Numbers of stacks in the depot.
    pub numbers: HashMap<u64, u32>,
    /// Frames of guarded blocks.
    pub guarded: HashMap<u64, Vec<u64>>,
    /// Samples of a profile: the frames, and how many blocks each stands for.
    pub samples: HashMap<u64, (Vec<u64>, f64)>,
}

impl Origins {
    /// Takes in the samples of a profile.
    pub fn add_profile(&mut self, profile: &Profile) {
        let stacks: HashMap<_, _> = profile.stacks.iter().map(|stack| (stack.index, &stack.frames)).collect();
        for live in &profile.live {
            if let Some(&frames) = stacks.get(&live.stack) {
                self.samples.insert(live.address, (frames.clone(), live.weight));
            }
        }
    }

    /// The frames of the block at an address, and how many blocks it stands for if it is a sample.
    fn frames(&self, source: &Source<'_>, known: &mut HashMap<u32, Vec<u64>>, start: u64) -> (Vec<u64>, Option<f64>) {
        if let Some(&number) = self.numbers.get(&start) {
            return (known.entry(number).or_insert_with(|| stacks::frames(source, number)).clone(), None);
        }
        if let Some(frames) = self.guarded.get(&start) {
            return (frames.clone(), None);
        }
        self.samples.get(&start).map_or((Vec::new(), None), |(frames, weight)| (frames.clone(), Some(*weight)))
    }
}

/// Names leaks: addresses, bytes and how they can be reached.
pub struct Namer<'a> {
    sites: Sites,
    symbols: HashMap<u64, Option<String>>,
    source: &'a Source<'a>,
    image: &'a Image,
    depth: usize,
}

impl<'a> Namer<'a> {
    /// For a process with these maps, of which an image was taken. Of each stack `depth` frames are told apart.
    pub fn new(source: &'a Source<'a>, image: &'a Image, maps: String, directories: &[PathBuf], depth: usize) -> Self {
        let sites = Sites::of(&Profile { maps, ..Profile::default() }, directories);
        Self { sites, symbols: HashMap::new(), source, image, depth }
    }

    /// All leaks by their sites.
    pub fn sort(mut self, program: String, pid: u32, leaks: &[(u64, u64, Reach)], origins: &Origins) -> Leaks {
        let (mut known, mut places) = (HashMap::new(), HashMap::<_, usize>::new());
        let mut sites: Vec<(Vec<u64>, Site)> = Vec::new();
        for &(start, size, reach) in leaks {
            let (mut frames, weight) = origins.frames(self.source, &mut known, start);
            frames.truncate(self.depth);
            let is_known = !frames.is_empty();
            let symbol = if is_known { None } else { self.symbol(start, size) };
            let size_alone = (!is_known).then_some(size);
            let place = *places.entry((reach, frames.clone(), size_alone, symbol.clone())).or_insert(sites.len());
            if place == sites.len() {
                let site = Site { size: size_alone, symbol, ..Site::of(reach, 0, 0, Vec::new()) };
                sites.push((frames, site));
            }
            let site = &mut sites[place].1;
            site.blocks += 1;
            site.bytes += size;
            if let Some(weight) = weight {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "an estimate"
                )]
                let bytes = (weight * size as f64) as u64;
                site.estimate = Some(site.estimate.unwrap_or(0) + bytes);
            }
            if site.examples.len() < 3 {
                site.examples.push(self.example(start, size));
            }
        }
        let named = sites.into_iter().map(|(frames, site)| Site { frames: self.name(&frames), ..site }).collect();
        Leaks::of(program, vec![pid], named)
    }

    fn name(&mut self, frames: &[u64]) -> Vec<Frame> {
        let mut all = Vec::new();
        for &frame in frames {
            let map = self.sites.map(frame.saturating_sub(1));
            let address = map.map_or_else(
                || format!("{frame:#x}"),
                |map| format!("{}+{:#x}", base_name(&map.name), frame - map.start + map.offset),
            );
            all.extend(Frame::all(&self.sites.places(frame), &address));
        }
        all
    }

    /// The first symbol that a word at a block's start points to: a vtable, a type.
    fn symbol(&mut self, start: u64, size: u64) -> Option<String> {
        let words = (0..WORDS.min(size / 8)).filter_map(|index| self.image.word(start + 8 * index));
        let words: Vec<_> = words.collect();
        words.into_iter().find_map(|word| {
            if word < 4096 {
                return None;
            }
            let sites = &mut self.sites;
            self.symbols.entry(word).or_insert_with(|| sites.variable(word)).clone()
        })
    }

    fn example(&self, start: u64, size: u64) -> Example {
        let mut bytes = vec![0; SHOWN.min(size) as usize];
        let is_there = self.image.read(start, &mut bytes);
        let first = if is_there { bytes.iter().map(|byte| format!("{byte:02x}")).collect() } else { String::new() };
        Example { address: format!("{start:#x}"), size, first }
    }
}
