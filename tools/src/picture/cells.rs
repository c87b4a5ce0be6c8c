//! Cells: so many bytes of a heap each, with what is on them.

use super::scene::{CACHED, FREE_IN_HEAPS, FREE_IN_SLABS, Fill, IN_USE, PARKED, QUARANTINED, TORN};
use crate::heap::waiting::{State, Waiting};
use crate::heap::walk::{Heap, Kind, Piece, Range, Region};
use crate::process::pages::Residencies;

/// What memory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The program has it.
    InUse,
    /// In a cache.
    Cached,
    /// In the quarantine.
    Quarantined,
    /// Free in a slab.
    FreeInSlab,
    /// A free block.
    Free,
    /// In a slab that stands ready.
    Parked,
    /// It changed while it was read.
    Torn,
}

impl What {
    /// All, in the order of a cell's sums.
    pub const ALL: [Self; 7] =
        [Self::InUse, Self::Cached, Self::Quarantined, Self::FreeInSlab, Self::Free, Self::Parked, Self::Torn];

    /// Of an object or block that was handed out.
    pub fn of(state: State) -> Self {
        match state {
            State::InUse => Self::InUse,
            State::Cached => Self::Cached,
            State::Quarantined => Self::Quarantined,
        }
    }

    /// Its colour.
    pub fn colour(self) -> [u8; 3] {
        [IN_USE, CACHED, QUARANTINED, FREE_IN_SLABS, FREE_IN_HEAPS, PARKED, TORN][self as usize]
    }
}

/// What is on so many bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Bytes by `What`.
    pub sums: [u64; 7],
    /// Resident bytes.
    pub resident: u64,
    /// Bytes on huge pages.
    pub huge: u64,
    /// Bytes that nobody has touched.
    pub untouched: u64,
    /// All bytes.
    pub len: u64,
}

impl Cell {
    /// The colour, and how many eighths of it: as many as are resident. What is free counts as resident only where more
    /// is resident than is in use.
    pub fn look(&self) -> (Fill, u8) {
        if self.resident == 0 {
            return (if self.untouched * 2 > self.len { Fill::Untouched } else { Fill::Away }, 8);
        }
        let mut left = self.resident;
        let shares = self.sums.map(|sum| {
            let here = sum.min(left);
            left -= here;
            // Eighths, so that few colours differ.
            (here * 8 + self.resident / 2) / self.resident
        });
        let rgb = mixed(&shares);
        let eighths = (self.resident * 8).div_ceil(self.len.max(1)).clamp(2, 8);
        (Fill::Rgb(rgb), u8::try_from(eighths).unwrap_or(8))
    }
}

/// The colours of `What::ALL`, mixed by these shares.
pub fn mixed(shares: &[u64; 7]) -> [u8; 3] {
    let all = shares.iter().sum::<u64>().max(1);
    let part = |part: usize| -> u64 {
        What::ALL.iter().zip(shares).map(|(what, share)| share * u64::from(what.colour()[part])).sum()
    };
    [0, 1, 2].map(|at| u8::try_from(part(at) / all).unwrap_or(u8::MAX))
}

/// The cells of some regions, one after the other.
pub struct Flow {
    /// Bytes of a cell.
    pub unit: u64,
    /// Each region and its first cell.
    pub regions: Vec<(Range, usize)>,
    /// The cells.
    pub cells: Vec<Cell>,
}

impl Flow {
    /// The cells of regions, by address.
    pub fn of(regions: &[&Region], unit: u64, heap: &Heap, waiting: &Waiting<'_>, pages: &Residencies) -> Self {
        let mut flow = Self { unit, regions: Vec::new(), cells: Vec::new() };
        for region in regions {
            let (range, first) = (region.range, flow.cells.len());
            flow.regions.push((range, first));
            let count = range.len.div_ceil(unit);
            flow.cells
                .extend((0..count).map(|cell| Cell { len: unit.min(range.len - cell * unit), ..Cell::default() }));
            for run in pages.inside(range.start, range.end()) {
                flow.each(Range::of(run.start, run.end), |cell, bytes| {
                    cell.resident += if run.swapped { 0 } else { bytes };
                    cell.huge += if run.huge { bytes } else { 0 };
                });
            }
            let untouched = Range::of(region.untouched_from.max(range.start), range.end());
            flow.each(untouched, |cell, bytes| cell.untouched += bytes);
        }
        for region in regions {
            region.pieces.iter().for_each(|piece| flow.piece(piece, heap, waiting));
        }
        flow
    }

    fn piece(&mut self, piece: &Piece, heap: &Heap, waiting: &Waiting<'_>) {
        let mut add = |range: Range, what: What| self.each(range, |cell, bytes| cell.sums[what as usize] += bytes);
        match &piece.kind {
            Kind::Free => add(piece.range, What::Free),
            Kind::Parked => add(piece.range, What::Parked),
            Kind::Torn => add(piece.range, What::Torn),
            Kind::Block => add(piece.range, What::of(waiting.state(piece.range.start + 8))),
            Kind::Slab(slab) => {
                let mut behind = piece.range.start;
                slab.each_out(&heap.sizes, |start, len| {
                    if start > behind {
                        add(Range::of(behind, start), What::FreeInSlab);
                    }
                    add(Range { start, len }, What::of(waiting.state(start)));
                    behind = start + len;
                });
                add(Range::of(behind, piece.range.end()), What::FreeInSlab);
            }
        }
    }

    /// Calls `f` with each cell that a range is on, and how many bytes of it.
    fn each(&mut self, range: Range, mut f: impl FnMut(&mut Cell, u64)) {
        let (mut at, end) = (range.start, range.end());
        let mut index = self.regions.partition_point(|(region, _)| region.end() <= at);
        while at < end {
            let Some(&(region, first)) = self.regions.get(index).filter(|(region, _)| region.start <= at) else {
                return;
            };
            let cell = (at - region.start) / self.unit;
            let cell_end = (region.start + (cell + 1) * self.unit).min(region.end()).min(end);
            if let Some(cell) = self.cells.get_mut(first + cell as usize) {
                f(cell, cell_end - at);
            }
            at = cell_end;
            if at >= region.end() {
                index += 1;
            }
        }
    }
}

/// The smallest power of two of bytes, at least a page, of which so many cells cover all regions.
pub fn unit_for(regions: &[&Region], most: usize, page: u64) -> u64 {
    let cells = |unit: u64| regions.iter().map(|region| region.range.len.div_ceil(unit)).sum::<u64>();
    let mut unit = page;
    // More regions than cells: a cell for each.
    while cells(unit) > (most as u64).max(regions.len() as u64) {
        unit *= 2;
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::walk::{Owner, Slab};
    use crate::process::pages::Run;

    const PAGE: u64 = 4096;

    fn piece(start: u64, len: u64, kind: Kind) -> Piece {
        Piece { range: Range { start, len }, kind }
    }

    fn heap(pieces: Vec<Piece>, len: u64) -> Heap {
        let range = Range { start: 0x20_0000, len };
        let region = Region { range, owner: Owner::Arena(0), untouched_from: range.start + 6 * PAGE, pieces };
        Heap { regions: vec![region], sizes: vec![0, 16, 2048], ..Heap::default() }
    }

    #[test]
    fn a_known_heap_has_known_cells() {
        let at = 0x20_0000;
        let slab = Slab { start: at + 2 * PAGE, class: 2, count: 4, free: vec![0b0110], starts: Vec::new() };
        let pieces = vec![
            piece(at, PAGE, Kind::Block),
            piece(at + PAGE, PAGE, Kind::Free),
            piece(at + 2 * PAGE, 2 * PAGE, Kind::Slab(Box::new(slab))),
            piece(at + 4 * PAGE, 4 * PAGE, Kind::Free),
        ];
        let mut heap = heap(pieces, 8 * PAGE);
        // The last object of the slab is in a cache.
        heap.caches
            .push(crate::heap::walk::Cache { objects: vec![(at + 2 * PAGE + 3 * 2048, 2)], ..Default::default() });
        let runs = vec![Run::new(at, at + 2 * PAGE, false, false), Run::new(at + 2 * PAGE, at + 4 * PAGE, true, false)];
        let pages = Residencies::of(runs);
        let flow = Flow::of(&[&heap.regions[0]], PAGE, &heap, &Waiting::of(&heap), &pages);
        let sums = |cell: usize, what: What| flow.cells[cell].sums[what as usize];
        assert_eq!(flow.cells.len(), 8);
        assert_eq!((sums(0, What::InUse), sums(1, What::Free)), (PAGE, PAGE));
        assert_eq!((sums(2, What::InUse), sums(2, What::FreeInSlab)), (2048, 2048));
        assert_eq!((sums(3, What::Cached), sums(3, What::FreeInSlab)), (2048, 2048));
        let looks: Vec<_> = flow.cells.iter().map(Cell::look).collect();
        assert_eq!(looks[0], (Fill::Rgb(IN_USE), 8));
        assert_eq!(looks[1], (Fill::Rgb(FREE_IN_HEAPS), 8));
        assert_eq!(looks[2], (Fill::Rgb(mixed(&[1, 0, 0, 1, 0, 0, 0])), 8));
        assert_eq!(looks[4], (Fill::Away, 8));
        assert_eq!(looks[6], (Fill::Untouched, 8));
        assert_eq!(flow.cells.iter().map(|cell| cell.huge).collect::<Vec<_>>(), [0, 0, PAGE, PAGE, 0, 0, 0, 0]);
        // Fewer cells hold the same bytes.
        let coarse = Flow::of(&[&heap.regions[0]], 8 * PAGE, &heap, &Waiting::of(&heap), &pages);
        let all = |flow: &Flow, what: What| flow.cells.iter().map(|cell| cell.sums[what as usize]).sum::<u64>();
        for what in What::ALL {
            assert_eq!(all(&coarse, what), all(&flow, what), "{what:?}");
        }
        assert_eq!((coarse.cells.len(), coarse.cells[0].resident), (1, 4 * PAGE));
    }

    #[test]
    fn a_block_may_reach_from_one_region_into_the_next() {
        let at = 0x20_0000;
        let mut heap = heap(vec![piece(at, 12 * PAGE, Kind::Block)], 8 * PAGE);
        let range = Range { start: at + 8 * PAGE, len: 8 * PAGE };
        let pieces = vec![piece(at + 12 * PAGE, 4 * PAGE, Kind::Free)];
        heap.regions.push(Region { range, owner: Owner::Arena(0), untouched_from: range.end(), pieces });
        let regions: Vec<_> = heap.regions.iter().collect();
        let flow = Flow::of(&regions, 4 * PAGE, &heap, &Waiting::of(&heap), &Residencies::default());
        let used: Vec<_> = flow.cells.iter().map(|cell| cell.sums[What::InUse as usize]).collect();
        assert_eq!(used, [4 * PAGE, 4 * PAGE, 4 * PAGE, 0]);
    }

    #[test]
    fn millions_of_blocks_are_a_small_picture() {
        const BLOCKS: u64 = 5_000_000;
        let at = 0x20_0000;
        let kind = |index: u64| if index.wrapping_mul(0x9e37_79b9) >> 7 & 1 == 0 { Kind::Block } else { Kind::Free };
        let pieces = (0..BLOCKS).map(|index| piece(at + index * 1024, 1024, kind(index))).collect();
        let heap = heap(pieces, BLOCKS * 1024);
        // Each second page is resident.
        let runs =
            (0..BLOCKS / 8).map(|index| Run::new(at + index * 2 * PAGE, at + (index * 2 + 1) * PAGE, false, false));
        let snapshot = crate::snapshot::Snapshot::made_up(heap, Residencies::of(runs.collect()));
        let scene =
            crate::picture::overview::scene(&snapshot, &snapshot.usage(), crate::picture::overview::Style::WHOLE);
        let file = crate::picture::svg::write(&scene);
        assert!(file.len() < 2 << 20 && file.contains("a cell is 512 KiB"), "{} bytes", file.len());
        let near = crate::picture::zoom::scene(&snapshot, Range { start: at, len: 1 << 30 });
        let file = crate::picture::svg::write(&near);
        assert!(file.len() < 2 << 20, "{} bytes", file.len());
    }
}
