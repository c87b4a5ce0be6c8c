//! A part of a heap, down to single blocks and objects: bytes in rows, with addresses.

use super::cells::{Flow, What};
use super::overview::{join, ratio};
use super::scene::{Box, Fill, HUGE, Item, LETTER, OVER, Scene};
use crate::heap::waiting::Waiting;
use crate::heap::walk::{GRAIN, Kind, Piece, Range, Region, Slab};
use crate::snapshot::Snapshot;
use crate::text::{bytes, count};
use std::collections::BTreeMap;

const WIDTH: f32 = 1200.0;
const MARGIN: f32 = 16.0;
const LABEL: f32 = 15.0 * LETTER;
const ROW: f32 = 22.0;
const BAR: f32 = 15.0;
/// The most rows, and the fewest bytes of one.
const ROWS: u64 = 48;
const NARROWEST: u64 = 1 << 10;
/// More boxes than these are drawn as cells, so many to a row.
const SINGLE: usize = 24_000;
const CELLS: u64 = 256;
/// More boxes that can be pointed at are too many for a reader and for a file.
const NAMED: usize = 8000;

struct Page<'a> {
    scene: Scene,
    top: f32,
    range: Range,
    /// Bytes of a row.
    row: u64,
    sizes: &'a [u64],
    waiting: Waiting<'a>,
    named: usize,
}

/// The scene of a range.
pub fn scene(snapshot: &Snapshot, range: Range) -> Scene {
    let mut row = NARROWEST;
    while range.len.div_ceil(row) > ROWS {
        row *= 2;
    }
    let waiting = Waiting::of(&snapshot.heap);
    let mut page = Page {
        scene: Scene { width: WIDTH, ..Scene::default() },
        top: 96.0,
        range,
        row,
        sizes: &snapshot.heap.sizes,
        waiting,
        named: 0,
    };
    let rows = range.len.div_ceil(row);
    page.head(snapshot);
    page.scene.height = page.top + rows as f32 * ROW + MARGIN;
    for index in 0..rows {
        let y = page.top + index as f32 * ROW;
        page.scene.text(MARGIN, y + 12.0, Fill::Faint, format!("{:x}", range.start + index * row));
        let end = (range.start + (index + 1) * row).min(range.end());
        page.boxes(Fill::Untouched, Range::of(range.start + index * row, end), 0.0, BAR);
    }
    let is_inside = |inner: Range| inner.end() > range.start && inner.start < range.end();
    let regions: Vec<_> = snapshot.heap.regions.iter().filter(|region| is_inside(reach(region))).collect();
    let pieces = || regions.iter().flat_map(|region| &region.pieces).filter(|piece| is_inside(piece.range));
    let boxes: usize = pieces().map(|piece| page.boxes_of(piece)).sum();
    if boxes <= SINGLE {
        pieces().for_each(|piece| page.piece(piece));
    } else {
        page.cells(&regions, snapshot);
    }
    for mapping in snapshot.heap.mappings.iter().filter(|mapping| is_inside(mapping.range)) {
        page.named(Fill::Rgb(What::InUse.colour()), mapping.range, format!("mapping of {}", bytes(mapping.wanted)));
    }
    let runs = || snapshot.residency.inside(range.start, range.end()).filter(|run| !run.swapped);
    // Cells are pale themselves where nothing is resident.
    if boxes <= SINGLE && runs().count() <= SINGLE {
        for run in runs() {
            let fill = if run.huge { Fill::Rgb(HUGE) } else { Fill::Ink };
            page.boxes(fill, Range::of(run.start, run.end), BAR + 1.0, 2.0);
        }
    }
    page.scene
}

/// Where a region's pieces are: the last may reach into the next region.
fn reach(region: &Region) -> Range {
    let last = region.pieces.last().map_or(region.range.end(), |piece| piece.range.end());
    Range::of(region.range.start, last.max(region.range.end()))
}

impl Page<'_> {
    /// About how many boxes a piece takes.
    fn boxes_of(&self, piece: &Piece) -> usize {
        let rows = (piece.range.len / self.row) as usize + 1;
        match &piece.kind {
            Kind::Slab(slab) => rows + slab.out(),
            _ => rows,
        }
    }

    /// Cells, where there is too much for single blocks.
    fn cells(&mut self, regions: &[&Region], snapshot: &Snapshot) {
        let unit = self.row / CELLS;
        let flow = Flow::of(regions, unit, &snapshot.heap, &self.waiting, &snapshot.residency);
        let mut paths: BTreeMap<(Fill, u8), Vec<Box>> = BTreeMap::new();
        for &(range, first) in &flow.regions {
            for (index, cell) in flow.cells[first..first + range.len.div_ceil(unit) as usize].iter().enumerate() {
                let at = Range { start: range.start + index as u64 * unit, len: cell.len };
                let boxes = paths.entry(cell.look()).or_default();
                self.places(at, 0.0, BAR).into_iter().for_each(|place| join(boxes, place));
            }
        }
        self.scene.items.extend(paths.into_iter().map(|((fill, eighths), boxes)| Item::Boxes { fill, eighths, boxes }));
        let text = format!(
            "too much for single blocks: a cell is {}, its colours are mixed by share, and what is not resident is pale",
            bytes(unit)
        );
        self.scene.text(MARGIN, 84.0, Fill::Faint, text);
    }

    fn head(&mut self, snapshot: &Snapshot) {
        let range = self.range;
        let text =
            format!("{} ({}): {:x}-{:x}, {}", snapshot.name, snapshot.pid, range.start, range.end(), bytes(range.len));
        self.scene.heading(MARGIN, 28.0, text);
        let text = format!(
            "a row is {}; the line below it says what is resident, green on huge pages; frames are slabs",
            bytes(self.row)
        );
        self.scene.text(MARGIN, 46.0, Fill::Faint, text);
        let mut x = MARGIN;
        for (what, name) in What::ALL.into_iter().zip([
            "in use",
            "cached",
            "quarantine",
            "free in a slab",
            "free block",
            "parked slab",
            "changing",
        ]) {
            self.scene.rect(Fill::Rgb(what.colour()), [x, 58.0, 11.0, 11.0]);
            self.scene.text(x + 16.0, 68.0, Fill::Ink, name);
            x += 34.0 + name.len() as f32 * LETTER;
        }
    }

    /// The boxes that a range takes in rows.
    fn places(&self, range: Range, down: f32, height: f32) -> Vec<Box> {
        let (mut at, end) = (range.start.max(self.range.start), range.end().min(self.range.end()));
        let scale = WIDTH - 2.0 * MARGIN - LABEL;
        let mut boxes = Vec::new();
        while at < end {
            let (row, offset) = ((at - self.range.start) / self.row, (at - self.range.start) % self.row);
            let len = (self.row - offset).min(end - at);
            let y = self.top + row as f32 * ROW + down;
            boxes.push([MARGIN + LABEL + scale * ratio(offset, self.row), y, scale * ratio(len, self.row), height]);
            at += len;
        }
        boxes
    }

    fn boxes(&mut self, fill: Fill, range: Range, down: f32, height: f32) {
        let boxes = self.places(range, down, height);
        self.scene.items.push(Item::Boxes { fill, eighths: 8, boxes });
    }

    /// Boxes that say what they are, and a label where there is room.
    fn named(&mut self, fill: Fill, range: Range, name: String) {
        let boxes = self.places(range, 0.0, BAR);
        for [x, y, w, h] in boxes {
            // A gap to the next one.
            let at = [x, y, (w - 0.8).max(0.5), h];
            self.named += 1;
            if self.named <= NAMED {
                self.scene.items.push(Item::Named { fill, at, name: format!("{:x}: {name}", range.start) });
            } else {
                self.scene.items.push(Item::Boxes { fill, eighths: 8, boxes: vec![at] });
            }
        }
    }

    /// A label in the first box of a range in which it fits.
    fn label(&mut self, range: Range, text: &str, plate: bool) {
        let wide = text.len() as f32 * LETTER + 6.0;
        let Some([x, y, ..]) = self.places(range, 0.0, BAR).into_iter().find(|&[_, _, w, _]| wide < w) else { return };
        if plate {
            let (at, name) = ([x + 2.0, y + 1.0, wide, BAR - 1.0], format!("{:x}: {text}", range.start + 8));
            self.scene.items.push(Item::Named { fill: Fill::Untouched, at, name });
        }
        let fill = if plate { Fill::Ink } else { Fill::Rgb(OVER) };
        self.scene.text(x + 5.0, y + 12.0, fill, text);
    }

    fn piece(&mut self, piece: &Piece) {
        let range = piece.range;
        let payload = range.len.saturating_sub(8);
        let (what, name) = match &piece.kind {
            Kind::Slab(slab) => return self.slab(slab, range),
            Kind::Free => (What::Free, format!("{} free", bytes(payload))),
            Kind::Parked => (What::Parked, format!("parked slab, {}", bytes(range.len))),
            Kind::Torn => (What::Torn, format!("changing, {}", bytes(range.len))),
            Kind::Block => {
                let what = What::of(self.waiting.state(range.start + 8));
                let state = match what {
                    What::Cached => ", cached",
                    What::Quarantined => ", in quarantine",
                    _ => "",
                };
                (what, format!("block of {} bytes{state}", count(payload)))
            }
        };
        self.label_over(what, range, name);
    }

    fn label_over(&mut self, what: What, range: Range, name: String) {
        self.named(Fill::Rgb(what.colour()), range, name.clone());
        self.label(range, &name, false);
    }

    /// The slab's objects where each has at least two pixels, else how full each two pixels are.
    fn slab(&mut self, slab: &Slab, range: Range) {
        let size = slab.step(self.sizes);
        let scale = WIDTH - 2.0 * MARGIN - LABEL;
        let fine = scale * ratio(if slab.class == 0 { GRAIN * 4 } else { size }, self.row) >= 2.0;
        self.boxes(Fill::Rgb(What::FreeInSlab.colour()), range, 0.0, BAR);
        let mut objects = Vec::new();
        slab.each_out(self.sizes, |start, len| {
            objects.push((Range { start, len }, What::of(self.waiting.state(start))));
        });
        let class = if slab.class == 0 { "mixed slab".into() } else { format!("slab of {} bytes", count(size)) };
        let name = format!("{class}: {} of {} out", count(slab.out() as u64), count(slab.count as u64));
        for (object, what) in objects {
            if fine {
                let place = format!("{} bytes in a {class}", count(object.len));
                self.named(Fill::Rgb(what.colour()), object, place);
            } else {
                self.boxes(Fill::Rgb(what.colour()), object, 0.0, BAR);
            }
        }
        // A frame: thin lines at the top of each row, and at both ends.
        self.boxes(Fill::Ink, range, 0.0, 1.0);
        self.boxes(Fill::Ink, Range { start: range.start, len: (self.row / 1024).max(1) }, 0.0, BAR);
        self.label(range, &name, true);
    }
}
