//! A picture before it is written: rectangles and texts.

/// What fills a rectangle or a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fill {
    /// This colour on light and on dark paper.
    Rgb([u8; 3]),
    /// Text.
    Ink,
    /// Text of less weight, and lines.
    Faint,
    /// Memory that is not resident.
    Away,
    /// Memory that was never touched.
    Untouched,
}

/// The program has it.
pub const IN_USE: [u8; 3] = [0x3b, 0x76, 0xc4];
/// In caches of threads.
pub const CACHED: [u8; 3] = [0x22, 0xa8, 0xb4];
/// In the quarantine.
pub const QUARANTINED: [u8; 3] = [0xb0, 0x5c, 0xc0];
/// Free in slabs.
pub const FREE_IN_SLABS: [u8; 3] = [0xe8, 0xa8, 0x20];
/// Free in heaps.
pub const FREE_IN_HEAPS: [u8; 3] = [0x9a, 0xb8, 0x3a];
/// Text over such colours.
pub const OVER: [u8; 3] = [0x10, 0x14, 0x18];
/// Slabs that stand ready.
pub const PARKED: [u8; 3] = [0x9c, 0x6b, 0x30];
/// What changed while it was read.
pub const TORN: [u8; 3] = [0xd0, 0x40, 0x40];
/// Guarded blocks, and ranges that are kept.
pub const KEPT: [u8; 3] = [0x8a, 0x6f, 0xd1];
/// Records of metes.
pub const RECORDS: [u8; 3] = [0xc2, 0x54, 0x54];
/// What is not metes'.
pub const OTHERS: [u8; 3] = [0x8a, 0x90, 0x98];
/// Huge pages.
pub const HUGE: [u8; 3] = [0x30, 0xa0, 0x50];

/// A rectangle: left, top, width, height.
pub type Box = [f32; 4];

/// A part of a picture.
#[derive(Clone)]
pub enum Item {
    /// Rectangles of one colour, from 0 to 8 eighths of it over the paper.
    Boxes {
        /// The colour.
        fill: Fill,
        /// Eighths of it.
        eighths: u8,
        /// Where they are.
        boxes: Vec<Box>,
    },
    /// A rectangle that says what it is where a reader can point at it.
    Named {
        /// The colour.
        fill: Fill,
        /// Where it is.
        at: Box,
        /// What it is.
        name: String,
    },
    /// A text, from the left end of its base line on.
    Text {
        /// The left end.
        x: f32,
        /// The base line.
        y: f32,
        /// The colour.
        fill: Fill,
        /// Whether it is a heading.
        bold: bool,
        /// The text.
        text: String,
    },
}

/// A picture.
#[derive(Clone, Default)]
pub struct Scene {
    /// Pixels from left to right.
    pub width: f32,
    /// Pixels from top to bottom.
    pub height: f32,
    /// What is in it, in the order of drawing.
    pub items: Vec<Item>,
}

/// About how many pixels a letter takes.
pub const LETTER: f32 = 7.0;

impl Scene {
    /// Adds a text.
    pub fn text(&mut self, x: f32, y: f32, fill: Fill, text: impl Into<String>) {
        self.items.push(Item::Text { x, y, fill, bold: false, text: text.into() });
    }

    /// Adds a heading.
    pub fn heading(&mut self, x: f32, y: f32, text: impl Into<String>) {
        self.items.push(Item::Text { x, y, fill: Fill::Ink, bold: true, text: text.into() });
    }

    /// Adds a rectangle.
    pub fn rect(&mut self, fill: Fill, at: Box) {
        self.items.push(Item::Boxes { fill, eighths: 8, boxes: vec![at] });
    }

    /// Adds all of another picture at a place.
    pub fn place(&mut self, other: Self, dx: f32, dy: f32) {
        let moved = |[x, y, w, h]: Box| [x + dx, y + dy, w, h];
        self.width = self.width.max(other.width + dx);
        self.height = self.height.max(other.height + dy);
        self.items.extend(other.items.into_iter().map(|item| match item {
            Item::Boxes { fill, eighths, boxes } => {
                Item::Boxes { fill, eighths, boxes: boxes.into_iter().map(moved).collect() }
            }
            Item::Named { fill, at, name } => Item::Named { fill, at: moved(at), name },
            Item::Text { x, y, fill, bold, text } => Item::Text { x: x + dx, y: y + dy, fill, bold, text },
        }));
    }
}
