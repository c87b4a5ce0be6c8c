//! A table of all blocks that a process has, in which an address is found quickly: also one inside of a block.

/// Bytes of a grid's step: so many small blocks as start in it are looked through.
const STEP: u64 = 1 << 10;

/// A block in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its address.
    pub start: u64,
    /// Its bytes, as the program has asked for them or as it has them.
    pub size: u64,
}

/// Blocks that stand close to each other.
struct Span {
    start: u64,
    end: u64,
    /// For each step the index of the first block that ends behind its start. Nothing if there is one block only.
    grid: Vec<u32>,
    first: usize,
}

/// Blocks by address.
#[derive(Default)]
pub struct Blocks {
    all: Vec<Block>,
    spans: Vec<Span>,
}

impl Blocks {
    /// Of blocks that do not overlap. No more than can be numbered by 32 bits are kept.
    pub fn of(mut all: Vec<Block>) -> Self {
        /// Blocks farther apart are in spans of their own.
        const APART: u64 = 1 << 20;
        all.sort_unstable_by_key(|block| block.start);
        all.truncate(u32::MAX as usize);
        let (mut spans, mut first) = (Vec::new(), 0);
        for index in 1..=all.len() {
            let before = all[index - 1];
            let goes_on = all.get(index).is_some_and(|next| next.start - before.end().min(next.start) < APART);
            if !goes_on {
                spans.push(Span::of(&all[first..index], first));
                first = index;
            }
        }
        Self { all, spans }
    }

    /// All of them, by address.
    pub fn all(&self) -> &[Block] {
        &self.all
    }

    /// From the first block's start to the last one's end.
    pub fn range(&self) -> (u64, u64) {
        (self.spans.first().map_or(0, |span| span.start), self.spans.last().map_or(0, |span| span.end))
    }

    /// The index of the block that an address is in.
    pub fn find(&self, address: u64) -> Option<usize> {
        let span = &self.spans[self.spans.partition_point(|span| span.start <= address).checked_sub(1)?];
        if address >= span.end {
            return None;
        }
        let index = match span.grid.get(((address - span.start) / STEP) as usize) {
            None => span.first,
            Some(&from) => {
                // The step's last block may start in it, the next step's first one may be that, too.
                let until = span.grid.get(((address - span.start) / STEP) as usize + 1);
                let until = until.map_or(self.all.len(), |&until| (until as usize + 1).min(self.all.len()));
                let near = &self.all[from as usize..until.max(from as usize)];
                (from as usize + near.partition_point(|block| block.start <= address)).checked_sub(1)?
            }
        };
        // A block of no bytes is found by its start.
        let block = self.all[index];
        (block.start..block.start + block.size.max(1)).contains(&address).then_some(index)
    }
}

impl Block {
    /// The address after its last byte.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size.max(1))
    }
}

impl Span {
    fn of(blocks: &[Block], first: usize) -> Self {
        let (start, end) = (blocks[0].start, blocks[blocks.len() - 1].end());
        let mut grid = Vec::new();
        if blocks.len() > 1 {
            let mut index = 0;
            for step in 0..(end - start).div_ceil(STEP) {
                while blocks[index].end() <= start + step * STEP {
                    index += 1;
                }
                #[expect(clippy::cast_possible_truncation, reason = "there are no more blocks")]
                grid.push((first + index) as u32);
            }
        }
        Self { start, end, grid, first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of many sizes, close together and far apart.
    fn blocks() -> Vec<Block> {
        let (mut all, mut at, mut number) = (Vec::new(), 0x10_0000, 1_u64);
        for _ in 0..5000 {
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let size = match number >> 60 {
                0 => 0,
                1 => 5000,
                2 => 1 << 20,
                _ => 16 * (1 + (number >> 50) % 8),
            };
            all.push(Block { start: at, size });
            at +=
                size.next_multiple_of(16) + 16 * ((number >> 40) % 3 + 1) + if number >> 56 == 0 { 3 << 20 } else { 0 };
        }
        all
    }

    #[test]
    fn each_address_in_a_block_leads_to_it_and_no_other_does() {
        let all = blocks();
        let table = Blocks::of(all.iter().rev().copied().collect());
        assert!(table.spans.len() > 3 && table.all() == all);
        for (index, block) in all.iter().enumerate() {
            for address in [block.start, block.start + block.size / 2, block.end() - 1] {
                assert_eq!(table.find(address), Some(index), "{address:#x}");
            }
            assert_eq!((table.find(block.end()), table.find(block.start - 1)), (None, None), "{block:x?}");
        }
        assert_eq!((table.find(0), table.find(u64::MAX)), (None, None));
        assert_eq!(table.range(), (all[0].start, all[4999].end()));
        assert_eq!(Blocks::default().find(1), None);
    }
}
