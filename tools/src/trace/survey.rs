//! What a trace says in sums: of all calls, of sizes, lives, threads and sites.

use super::event::{Call, Event};
use super::order::Events;
use crate::profile::{Amount, Profile, Stack};
use foldhash::fast::FixedState;
use serde::Serialize;
use std::collections::HashMap;

/// Lives are counted by powers of ten of nanoseconds: less than 1 µs, 10 µs and so on, and longer than the last.
pub const LIVES: usize = 9;
/// Sizes are counted by powers of two: 0, 1, up to 2, up to 4 and so on.
pub const SIZES: usize = 42;

/// Blocks and bytes.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Blocks.
    pub blocks: u64,
    /// Bytes asked for.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        // Sizes of a damaged trace have no sum.
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn less(&mut self, bytes: u64) {
        self.blocks -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What `realloc` did.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize)]
pub struct Reallocs {
    /// The block stayed where it was.
    pub in_place: u64,
    /// It got another place.
    pub moved: u64,
    /// It was the first allocation: of null.
    pub of_null: u64,
    /// The most calls that one block went through.
    pub longest_chain: u32,
    /// Bytes of the blocks that moved, before they did: what may have been copied.
    pub moved_bytes: u64,
}

/// What a thread did.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize)]
pub struct OfThread {
    /// Its number.
    pub number: u32,
    /// Its calls.
    pub calls: u64,
    /// What it allocated.
    pub allocated: Sum,
    /// What it freed.
    pub freed: u64,
    /// Of these, what other threads had allocated.
    pub freed_of_others: u64,
    /// Blocks that it freed before it allocated another.
    pub temporary: u64,
    #[serde(skip)]
    last: u64,
}

/// What was allocated with one stack.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Site {
    /// All.
    pub allocated: Sum,
    /// What is live.
    pub live: Sum,
    /// What was live at the peak.
    pub peak: Sum,
    /// Blocks that were freed before their thread allocated another.
    pub temporary: u64,
    /// The lives of those that were freed, together, in nanoseconds.
    pub lives: u64,
    /// How many of these lived less than 1 µs, 10 µs and so on.
    pub lived: [u64; LIVES],
    /// The event that changed it last.
    changed: u64,
}

/// A block that is live.
struct Block {
    address: u64,
    size: u64,
    at: u64,
    stack: u32,
    thread: u32,
    chain: u32,
}

/// The sums.
#[derive(Default)]
pub struct Survey {
    /// Events.
    pub events: u64,
    /// When the first and the last were, in nanoseconds from the start.
    pub time: (u64, u64),
    /// How many there are of each call, by the call's number.
    pub calls: [u64; 8],
    /// Allocations that failed.
    pub failed: u64,
    /// All allocations.
    pub allocated: Sum,
    /// What is live at the end.
    pub live: Sum,
    /// When most bytes were live, and what was.
    pub peak: (u64, Sum),
    /// Allocations by their size.
    pub sizes: Vec<Sum>,
    /// Freed blocks by how long they lived.
    pub lived: [u64; LIVES],
    /// Blocks that were freed before their thread allocated another.
    pub temporary: u64,
    /// Frees of blocks whose allocation is not in the trace.
    pub unknown: u64,
    /// What `realloc` did.
    pub reallocs: Reallocs,
    /// The threads.
    pub threads: Vec<OfThread>,
    /// What was allocated with each stack.
    pub sites: HashMap<u32, Site, FixedState>,
    /// Calls that made no sense, and chunks that were damaged.
    pub wrong: (u64, u64),
    blocks: HashMap<u64, Block, FixedState>,
    peak_event: u64,
}

/// The place of a size in `Survey::sizes`: the power of two that it fits into.
pub fn place_of_size(size: u64) -> usize {
    if size == 0 { 0 } else { (u64::BITS - (size - 1).leading_zeros()) as usize + 1 }.min(SIZES - 1)
}

fn place_of_life(nanoseconds: u64) -> usize {
    ((nanoseconds / 1000).checked_ilog10().map_or(0, |log| log as usize + 1)).min(LIVES - 1)
}

impl Survey {
    /// Of all events that there are. The threads have these numbers.
    pub fn of(mut events: Events<'_>, threads: &[u32]) -> Self {
        let threads = threads.iter().map(|&number| OfThread { number, ..OfThread::default() }).collect();
        let mut survey = Self { sizes: vec![Sum::default(); SIZES], threads, ..Self::default() };
        for event in events.by_ref() {
            survey.add(&event);
        }
        let peak_event = survey.peak_event;
        survey.sites.values_mut().for_each(|site| site.note_peak(peak_event));
        survey.wrong = (events.anomalies(), events.damaged());
        survey
    }

    fn add(&mut self, event: &Event) {
        if self.events == 0 {
            self.time.0 = event.at;
        }
        self.time.1 = event.at;
        self.events += 1;
        self.calls[event.call as usize] += 1;
        if let Some(thread) = self.threads.get_mut(event.thread as usize) {
            thread.calls += 1;
        }
        let mut chain = 0;
        if event.old != 0 {
            match self.blocks.remove(&event.old) {
                Some(block) => chain = self.freed(event, &block),
                None => self.unknown += 1,
            }
        } else if event.call.is_free() && event.address != 0 {
            self.unknown += 1;
        } else if event.call == Call::Realloc && event.block != 0 {
            self.reallocs.of_null += 1;
        }
        if event.block != 0 {
            self.allocated(event, chain);
        } else if !event.call.is_free() && event.size != 0 {
            self.failed += 1;
        }
    }

    /// A block was taken back. How many reallocs it went through.
    fn freed(&mut self, event: &Event, block: &Block) -> u32 {
        let life = event.at.saturating_sub(block.at);
        self.live.less(block.size);
        self.lived[place_of_life(life)] += 1;
        let mut is_temporary = false;
        if let Some(thread) = self.threads.get_mut(event.thread as usize) {
            thread.freed += 1;
            thread.freed_of_others += u64::from(block.thread != event.thread);
            is_temporary = thread.last == event.old && event.call != Call::Realloc;
            thread.temporary += u64::from(is_temporary);
        }
        self.temporary += u64::from(is_temporary);
        let (peak_event, now) = (self.peak_event, self.events);
        let site = self.sites.entry(block.stack).or_default();
        site.note_peak(peak_event);
        site.changed = now;
        site.live.less(block.size);
        site.temporary += u64::from(is_temporary);
        site.lives = site.lives.saturating_add(life);
        site.lived[place_of_life(life)] += 1;
        if event.call == Call::Realloc && event.block != 0 {
            if event.address == block.address {
                self.reallocs.in_place += 1;
            } else {
                self.reallocs.moved += 1;
                self.reallocs.moved_bytes = self.reallocs.moved_bytes.saturating_add(block.size);
            }
            return block.chain.saturating_add(1);
        }
        0
    }

    fn allocated(&mut self, event: &Event, chain: u32) {
        let size = event.size;
        self.allocated.add(size);
        self.live.add(size);
        self.sizes[place_of_size(size)].add(size);
        self.reallocs.longest_chain = self.reallocs.longest_chain.max(chain);
        if let Some(thread) = self.threads.get_mut(event.thread as usize) {
            thread.allocated.add(size);
            thread.last = event.block;
        }
        let (peak_event, now) = (self.peak_event, self.events);
        let site = self.sites.entry(event.stack).or_default();
        site.note_peak(peak_event);
        site.changed = now;
        site.allocated.add(size);
        site.live.add(size);
        if self.live.bytes > self.peak.1.bytes {
            self.peak = (event.at, self.live);
            self.peak_event = now;
        }
        let block =
            Block { address: event.address, size, at: event.at, stack: event.stack, thread: event.thread, chain };
        self.blocks.insert(event.block, block);
    }

    /// The same as a profile, whose amounts are exact. Its frames are those of `stack`.
    pub fn profile(&self, pid: u32, stack: impl Fn(u32) -> Vec<u64>, most: u64) -> Profile {
        let amount = |sum: Sum| {
            #[expect(clippy::cast_precision_loss, reason = "a count below 2^53")]
            let blocks = sum.blocks as f64;
            Amount { blocks, bytes: sum.bytes }
        };
        let mut numbers: Vec<_> = self.sites.keys().copied().collect();
        numbers.sort_unstable();
        let stacks = numbers.iter().map(|number| {
            let site = &self.sites[number];
            let freed = Sum {
                blocks: site.allocated.blocks - site.live.blocks,
                bytes: site.allocated.bytes.saturating_sub(site.live.bytes),
            };
            let frames = stack(*number);
            let mut lived = [0; 8];
            // A profile has milliseconds.
            site.lived.iter().enumerate().for_each(|(place, count)| lived[place.saturating_sub(3)] += count);
            Stack {
                index: *number as usize,
                is_cut: most != 0 && frames.len() as u64 == most,
                frames,
                samples: site.allocated.blocks,
                allocated: amount(site.allocated),
                freed: amount(freed),
                peak: amount(site.peak),
                lives: site.lives / 1_000_000,
                lived,
            }
        });
        Profile {
            pid,
            rate: 1,
            lasted: self.time.1.saturating_sub(self.time.0) / 1_000_000,
            samples: self.allocated.blocks,
            peak: (self.peak.1.bytes, self.peak.0 / 1_000_000),
            stacks: stacks.collect(),
            ..Profile::default()
        }
    }
}

impl Site {
    /// Before a change: what is live has been so since the last one. So if the peak came in between, it was so then.
    fn note_peak(&mut self, peak_event: u64) {
        if peak_event >= self.changed {
            self.peak = self.live;
        }
    }
}
