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
