//! What a chunk's calls so far say of the addresses to come. The writer and the reader of a chunk follow the same model.
//!
//! A free mostly takes back a block of the same chunk: it is told by its rank among those that are live, from the newest
//! on. An allocation mostly gets the block of its size class that was freed last, or the one that lies behind the
//! last.

use super::ranks::Ranks;
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// A block that was freed in the chunk: when, as the number of frees before, and where.
type Parked = (u32, u64);

/// A size class.
#[derive(Default)]
struct Class {
    /// Blocks that were freed, and perhaps allocated again since.
    parked: Vec<Parked>,
    /// The block that was allocated last, and how far it was from the one before.
    last: u64,
    stride: i64,
}

/// A block that was allocated in the chunk.
struct Block {
    address: u64,
    class: u32,
}

/// The model.
#[derive(Default)]
pub struct Model {
    classes: HashMap<u32, Class, FixedState>,
    blocks: Vec<Block>,
    ranks: Ranks,
    /// The places in `blocks` of those that are live, by address.
    live: HashMap<u64, u32, FixedState>,
    /// The frees of those that are parked.
    parked: HashMap<u64, u32, FixedState>,
    /// The classes of the blocks in each 64 KiB, as far as known.
    units: HashMap<u64, u32, FixedState>,
    frees: u32,
    /// The last freed block that is of no allocation of this chunk.
    stranger: u64,
}

/// The size class of a request: 16 bytes wide up to 128, then eight to each doubling.
pub fn class_of(size: u64) -> u32 {
    let grains = size.saturating_sub(1) / 16;
    if grains < 8 {
        return u32::try_from(grains).unwrap_or(0);
    }
    let log = grains.ilog2();
    log * 8 + u32::try_from(grains >> (log - 3)).unwrap_or(0) - 24
}

impl Model {
    /// The block of a class that was freed last.
    pub fn freed_last(&mut self, class: u32) -> Option<u64> {
        let class = self.classes.entry(class).or_default();
        while let Some(&(free, address)) = class.parked.last() {
            if self.parked.get(&address) == Some(&free) {
                return Some(address);
            }
            class.parked.pop();
        }
        None
    }

    /// The address behind the last one of a class, if it goes on as before.
    pub fn following(&mut self, class: u32) -> u64 {
        let class = self.classes.entry(class).or_default();
        class.last.wrapping_add_signed(class.stride)
    }

    /// The address of a class that was allocated last; 0 at first.
    pub fn last(&mut self, class: u32) -> u64 {
        self.classes.entry(class).or_default().last
    }

    /// A block was allocated.
    pub fn give(&mut self, address: u64, class: u32) {
        if let Some(place) = self.live.insert(address, u32::try_from(self.blocks.len()).unwrap_or(0)) {
            self.ranks.remove(place as usize);
        }
        self.blocks.push(Block { address, class });
        self.ranks.push();
        self.parked.remove(&address);
        self.units.insert(address >> 16, class);
        let class = self.classes.entry(class).or_default();
        class.stride = address.wrapping_sub(class.last).cast_signed();
        class.last = address;
    }

    /// How many live blocks of the chunk are newer than one; `None` if it is none.
    pub fn rank(&self, address: u64) -> Option<u32> {
        self.live.get(&address).map(|&place| self.ranks.above(place as usize))
    }

    /// The block that has a rank.
    pub fn ranked(&self, rank: u32) -> Option<u64> {
        self.blocks.get(self.ranks.with_above(rank)?).map(|block| block.address)
    }

    /// The last block that was freed and was none of the chunk's.
    pub fn stranger(&self) -> u64 {
        self.stranger
    }

    /// A block was freed.
    pub fn take(&mut self, address: u64) {
        let class = if let Some(place) = self.live.remove(&address) {
            self.ranks.remove(place as usize);
            Some(self.blocks[place as usize].class)
        } else {
            self.stranger = address;
            self.units.get(&(address >> 16)).copied()
        };
        if let Some(class) = class {
            self.frees += 1;
            self.parked.insert(address, self.frees);
            self.classes.entry(class).or_default().parked.push((self.frees, address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_library() {
        let sizes = [0, 16, 17, 128, 129, 144, 145, 256, 257, 288, 289, 8192, 8193];
        let classes = sizes.map(class_of);
        assert_eq!(classes, [0, 0, 1, 7, 8, 8, 9, 15, 16, 16, 17, 55, 56]);
    }
}
