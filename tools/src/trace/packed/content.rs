//! What the sections of a trace have, beside calls.

use super::section::LONGEST;
use super::varint::{folded, put, take, unfolded};
use crate::process::maps::Map;
use crate::symbols::Place;
use crate::trace::ending::Ending;
use crate::trace::record::Clock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;

/// The process, as it is known at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The clock at the start, and the nanoseconds of `CLOCK_MONOTONIC`.
    pub start: (u64, u64),
    /// The same moment in nanoseconds since 1970.
    pub real: u64,
    /// The most frames of a stack; 0 without stacks.
    pub frames: u64,
    /// The path of its program.
    pub program: String,
}

/// The head of a section of calls. Behind it are the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// The thread's number.
    pub thread: u32,
    /// How many calls.
    pub count: u32,
    /// A clock before the first, and the nanoseconds of `CLOCK_MONOTONIC`.
    pub begun: (u64, u64),
    /// The clock of the last.
    pub last: u64,
}

/// A file that was mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Where.
    pub map: Map,
    /// Its build id; empty for none.
    pub build_id: Vec<u8>,
}

/// The names of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The return address.
    pub frame: u64,
    /// Function, file and line, innermost first.
    pub places: Vec<(Option<String>, Option<String>, Option<u32>)>,
}

impl Names {
    /// Of places.
    pub fn of(frame: u64, places: &[Place]) -> Self {
        let one = |place: &Place| (place.function.clone(), place.file.clone(), place.line);
        Self { frame, places: places.iter().map(one).collect() }
    }

    /// As places.
    pub fn places(&self) -> Vec<Place> {
        let places = self.places.iter().cloned();
        places.map(|(function, file, line)| Place { function, file, line }).collect()
    }
}

/// A block that is live at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its address.
    pub address: u64,
    /// Its number.
    pub block: u64,
    /// Bytes asked for.
    pub size: u64,
    /// The stack of its allocation; 0 for none.
    pub stack: u32,
}

/// A moment of the trace, from which on it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Nanoseconds from the start.
    pub at: u64,
    /// Events before it.
    pub events: u64,
    /// Blocks that were allocated before it.
    pub blocks: u64,
    /// Blocks that are live, and their bytes.
    pub live: (u64, u64),
    /// Of each thread: how many chunks were begun, and how many calls of the last of these were made.
    pub positions: Vec<(u32, u32)>,
}

/// Where everything is, and what is known at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Sections of calls, and where they are.
    pub calls: Vec<(u64, Calls)>,
    /// Sections of stacks, modules and names.
    pub others: Vec<u64>,
    /// Moments, and where what was live then is.
    pub moments: Vec<(u64, Moment)>,
    /// The clock.
    pub clock: Option<Clock>,
    /// How it ended.
    pub ending: Ending,
    /// The highest clock.
    pub last: u64,
}

/// A value, compressed.
pub fn packed(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let plain = postcard::to_stdvec(value).map_err(io::Error::other)?;
    compressed(&plain)
}

/// What `packed` has made.
pub fn unpacked<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(&expanded(bytes)?).ok()
}

/// Bytes as `expanded` takes them.
pub fn compressed(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    put(&mut out, plain.len() as u64);
    out.extend(zstd::bulk::compress(plain, 3)?);
    Ok(out)
}

/// Nothing but columns of live blocks, which may be all alike, becomes so many times as long as it is compressed.
const DENSEST: usize = 1 << 10;

fn expanded(bytes: &[u8]) -> Option<Vec<u8>> {
    expanded_at_most(bytes, DENSEST * bytes.len() + (1 << 16))
}

fn expanded_at_most(mut bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    // The checksum is right, so no length is here that nobody has written. It is bounded all the same.
    let len = usize::try_from(take(&mut bytes)?).ok().filter(|&len| len <= most.min(4 * LONGEST))?;
    zstd::bulk::decompress(bytes, len).ok()
}

/// Stacks: each with its number and its frames.
pub fn pack_stacks(stacks: &[(u32, Vec<u64>)]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let (mut number, mut before): (u32, &[u64]) = (0, &[]);
    for (next, frames) in stacks {
        put(&mut out, folded(i64::from(*next) - i64::from(number)));
        // Stacks have their outermost frames in common.
        let same = frames.iter().rev().zip(before.iter().rev()).take_while(|(one, other)| one == other).count();
        put(&mut out, same as u64);
        put(&mut out, (frames.len() - same) as u64);
        let mut last = 0;
        for &frame in frames[..frames.len() - same].iter().rev() {
            put(&mut out, folded(frame.wrapping_sub(last).cast_signed()));
            last = frame;
        }
        (number, before) = (*next, frames);
    }
    compressed(&out)
}

/// What `pack_stacks` has made.
pub fn unpack_stacks(bytes: &[u8]) -> Option<Vec<(u32, Vec<u64>)>> {
    const DEEPEST: usize = 1 << 12;
    let plain = expanded(bytes)?;
    let mut rest = &plain[..];
    let mut stacks: Vec<(u32, Vec<u64>)> = Vec::new();
    let mut number = 0;
    while !rest.is_empty() {
        number = u32::try_from(i64::from(number).checked_add(unfolded(take(&mut rest)?))?).ok()?;
        let (same, own) = (take(&mut rest)?, take(&mut rest)?);
        let before = stacks.last().map_or(&[][..], |(_, frames)| frames);
        let (same, own) = (usize::try_from(same).ok()?, usize::try_from(own).ok()?);
        if own.saturating_add(same) > DEEPEST {
            return None;
        }
        let same = before.get(before.len().checked_sub(same)?..)?.to_vec();
        let mut last = 0;
        let mut frames = Vec::new();
        for _ in 0..own {
            last = unfolded(take(&mut rest)?).cast_unsigned().wrapping_add(last);
            frames.push(last);
        }
        frames.reverse();
        frames.extend(same);
        stacks.push((number, frames));
    }
    Some(stacks)
}

/// A moment, and the blocks that are live then, in parts that fit into a section.
pub fn pack_live(blocks: &mut [Live]) -> io::Result<Vec<u8>> {
    blocks.sort_unstable_by_key(|live| live.address);
    let mut columns: [Vec<u8>; 4] = Default::default();
    let (mut address, mut block) = (0, 0);
    for live in &*blocks {
        put(&mut columns[0], (live.address - address).rotate_right(4));
        put(&mut columns[1], folded(live.block.wrapping_sub(block).cast_signed()));
        put(&mut columns[2], live.size);
        put(&mut columns[3], live.stack.into());
        (address, block) = (live.address, live.block);
    }
    let mut out = Vec::new();
    put(&mut out, blocks.len() as u64);
    for column in columns {
        let packed = compressed(&column)?;
        put(&mut out, packed.len() as u64);
        out.extend(packed);
    }
    Ok(out)
}

/// What `pack_live` has made.
pub fn unpack_live(mut bytes: &[u8]) -> Option<Vec<Live>> {
    let count = take(&mut bytes)?;
    let mut columns: [Vec<u8>; 4] = Default::default();
    for column in &mut columns {
        let len = usize::try_from(take(&mut bytes)?).ok()?;
        *column = expanded_at_most(bytes.split_off(..len)?, usize::MAX)?;
    }
    let mut rest = columns.each_ref().map(|column| &column[..]);
    let (mut address, mut block) = (0u64, 0u64);
    let mut blocks = Vec::new();
    for _ in 0..count {
        let [addresses, numbers, sizes, stacks] = &mut rest;
        address = address.checked_add(take(addresses)?.rotate_left(4))?;
        block = unfolded(take(numbers)?).cast_unsigned().wrapping_add(block);
        blocks.push(Live { address, block, size: take(sizes)?, stack: u32::try_from(take(stacks)?).ok()? });
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_come_back() {
        let stacks = vec![
            (7, vec![0x7f00_1234, 0x5000, 0x4000]),
            (8, vec![0x6000, 0x5000, 0x4000]),
            (3, vec![]),
            (4, vec![u64::MAX]),
        ];
        let packed = pack_stacks(&stacks).unwrap();
        assert_eq!(unpack_stacks(&packed), Some(stacks));
        assert_eq!(unpack_stacks(&packed[..packed.len() - 1]), None);
    }

    #[test]
    fn live_blocks_come_back_in_the_order_of_addresses() {
        let live = |address, block| Live { address, block, size: block * 3, stack: 9 };
        let mut blocks = [live(0x7f00_0000_1230, 5), live(0x1000, 1), live(0x1008, u64::from(u32::MAX) * 9)];
        let packed = pack_live(&mut blocks).unwrap();
        assert_eq!(unpack_live(&packed), Some(vec![blocks[0], blocks[1], blocks[2]]));
        assert!(blocks[0].address == 0x1000 && unpack_live(&packed[..packed.len() - 1]).is_none());
    }
}
