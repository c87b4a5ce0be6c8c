//! A whole heap: what is resident, each heap's pages as rows of cells, and mappings as bars.

use super::cells::{Flow, What, mixed, unit_for};
use super::scene::{Box, Fill, HUGE, IN_USE, Item, KEPT, LETTER, OTHERS, RECORDS, Scene};
use super::when;
use crate::heap::usage::{Part, Usage};
use crate::heap::waiting::Waiting;
use crate::heap::walk::{Owner, Region};
use crate::process::page_size;
use crate::snapshot::Snapshot;
use crate::text::{bytes, count, percent};
use std::collections::BTreeMap;

/// How it is laid out.
#[derive(Clone, Copy)]
pub struct Style {
    /// Pixels from left to right.
    pub width: f32,
    /// Pixels of a cell from top to bottom.
    pub cell: f32,
    /// The most cells.
    pub most: usize,
    /// Bytes of a cell; `None` for as few as the most cells allow.
    pub unit: Option<u64>,
}

impl Style {
    /// A picture of its own.
    pub const WHOLE: Self = Self { width: 1200.0, cell: 6.0, most: 16_000, unit: None };
    /// One of several beside each other.
    pub const PART: Self = Self { width: 640.0, cell: 4.0, most: 8_000, unit: None };
}

/// More heaps and mappings than these are only counted.
const HEAPS: usize = 24;
const MAPPINGS: usize = 20;
/// More regions than these do not start lines of their own.
const LINES: usize = 48;
/// Cells of a row. A power of two: rows start at round addresses.
const COLUMNS: usize = 128;
const MARGIN: f32 = 16.0;
/// The place of addresses, left of cells.
const LABEL: f32 = 15.0 * LETTER;
const ROW: f32 = 17.0;

struct Page<'a> {
    scene: Scene,
    y: f32,
    style: Style,
    snapshot: &'a Snapshot,
}

/// Regions of one owner.
struct Group<'a> {
    name: String,
    regions: Vec<&'a Region>,
}

/// The scene of a snapshot.
pub fn scene(snapshot: &Snapshot, usage: &Usage, style: Style) -> Scene {
    let mut page = Page { scene: Scene { width: style.width, ..Scene::default() }, y: MARGIN, style, snapshot };
    let groups = groups(snapshot);
    let shown: Vec<&Region> = groups.iter().take(HEAPS).flat_map(|group| group.regions.iter().copied()).collect();
    let unit = style.unit.unwrap_or_else(|| unit_for(&shown, style.most, page_size()));
    page.head(usage);
    page.shares(usage);
    page.legend(unit);
    let waiting = Waiting::of(&snapshot.heap);
    groups.iter().take(HEAPS).for_each(|group| page.group(group, unit, &waiting));
    if groups.len() > HEAPS {
        let rest: u64 = groups[HEAPS..].iter().flat_map(|group| &group.regions).map(|region| region.range.len).sum();
        page.note(&format!("and {} heaps more with {}", count((groups.len() - HEAPS) as u64), bytes(rest)));
    }
    page.mappings(usage);
    page.scene.height = page.y + MARGIN;
    page.scene
}

/// Bytes of a cell that `scene` would choose.
pub fn unit(snapshot: &Snapshot, style: Style) -> u64 {
    let groups = groups(snapshot);
    let shown: Vec<&Region> = groups.iter().take(HEAPS).flat_map(|group| group.regions.iter().copied()).collect();
    unit_for(&shown, style.most, page_size())
}

/// Arenas first, and then heaps by name, the largest first.
fn groups(snapshot: &Snapshot) -> Vec<Group<'_>> {
    let mut by_owner: BTreeMap<(bool, usize), Vec<&Region>> = BTreeMap::new();
    for region in &snapshot.heap.regions {
        let key = match region.owner {
            Owner::Arena(index) => (false, index),
            Owner::Compartment(index) => (true, index),
        };
        by_owner.entry(key).or_default().push(region);
    }
    let name = |(made, index): (bool, usize)| {
        let known = snapshot.heap.compartments.iter().find(|heap| made && heap.index == index);
        match (made, known.map(|heap| heap.name.as_str()).filter(|name| !name.is_empty())) {
            (false, _) => format!("arena {index}"),
            (true, Some(name)) => format!("heap \"{name}\""),
            (true, None) => format!("heap {index}"),
        }
    };
    let mut groups: Vec<_> =
        by_owner.into_iter().map(|(key, regions)| (key.0, Group { name: name(key), regions })).collect();
    let held = |group: &Group<'_>| group.regions.iter().map(|region| region.range.len).sum::<u64>();
    groups.sort_by_key(|(made, group)| {
        (*made, if *made { std::cmp::Reverse(held(group)) } else { std::cmp::Reverse(0) })
    });
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What the resident memory is: name, colour, size.
fn parts(usage: &Usage) -> [(&'static str, Fill, Part); 8] {
    let parts = &usage.parts;
    let rest = Part { bytes: usage.rest.resident, resident: usage.rest.resident };
    let of = |what: What| Fill::Rgb(what.colour());
    [
        ("in use", of(What::InUse), parts.in_use),
        ("cached by threads", of(What::Cached), parts.cached),
        ("in quarantine", of(What::Quarantined), parts.quarantined),
        ("free in slabs", of(What::FreeInSlab), parts.free_in_slabs),
        ("free in heaps", of(What::Free), parts.free_in_heaps),
        ("kept, guarded", Fill::Rgb(KEPT), usage.kept),
        ("records of metes", Fill::Rgb(RECORDS), usage.metadata),
        ("not metes'", Fill::Rgb(OTHERS), rest),
    ]
}

impl Page<'_> {
    fn inner(&self) -> f32 {
        self.style.width - 2.0 * MARGIN
    }

    /// Faint lines.
    fn note(&mut self, text: &str) {
        let most = whole(self.inner() / LETTER);
        let mut line = String::new();
        for word in text.split(' ').chain([""]) {
            if word.is_empty() || line.len() + 1 + word.len() > most {
                self.y += ROW;
                self.scene.text(MARGIN, self.y - 4.0, Fill::Faint, std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }

    fn head(&mut self, usage: &Usage) {
        let snapshot = self.snapshot;
        self.y += ROW;
        self.scene.heading(MARGIN, self.y - 4.0, format!("{}: {} resident", snapshot.title(), bytes(usage.rss)));
        self.note(&format!("{}, metes {}", when::text(snapshot.taken), snapshot.heap.version));
        self.y += 4.0;
    }

    /// A bar of what is resident, and the meaning of its colours.
    fn shares(&mut self, usage: &Usage) {
        let parts = parts(usage);
        let all = parts.iter().map(|(_, _, part)| part.resident).sum::<u64>().max(1);
        let mut x = MARGIN;
        for (_, fill, part) in &parts {
            let width = self.inner() * ratio(part.resident, all);
            self.scene.rect(*fill, [x, self.y, width, 18.0]);
            x += width;
        }
        self.y += 24.0;
        let column = 53.0 * LETTER;
        let columns = whole(self.inner() / column).max(1);
        for (index, (name, fill, part)) in parts.iter().filter(|(_, _, part)| part.bytes != 0).enumerate() {
            if index % columns == 0 {
                self.y += ROW;
            }
            let x = MARGIN + (index % columns) as f32 * column;
            self.scene.rect(*fill, [x, self.y - 13.0, 11.0, 11.0]);
            let of = if part.resident == part.bytes { String::new() } else { format!(" of {}", bytes(part.bytes)) };
            let text = format!("{name} {}{of}, {}", bytes(part.resident), percent(part.resident, all));
            self.scene.text(x + 16.0, self.y - 3.0, Fill::Ink, text);
        }
        self.y += 6.0;
    }

    /// What cells mean.
    fn legend(&mut self, unit: u64) {
        self.note(&format!("a cell is {}; where it holds several things their colours are mixed by share, and what is not resident is pale", bytes(unit)));
        let mut x = MARGIN;
        self.y += ROW;
        let of = |what: What| Fill::Rgb(what.colour());
        let all = [
            (of(What::InUse), "in use"),
            (of(What::Cached), "cached"),
            (of(What::Quarantined), "quarantine"),
            (of(What::FreeInSlab), "free in slabs"),
            (of(What::Free), "free in heaps"),
            (of(What::Parked), "parked"),
            (of(What::Torn), "changing"),
            (Fill::Rgb(mixed(&[1, 0, 0, 1, 0, 0, 0])), "half in use, half free"),
            (Fill::Away, "not resident"),
            (Fill::Untouched, "untouched"),
        ];
        for (fill, name) in all {
            let width = 22.0 + name.len() as f32 * LETTER + 12.0;
            if x + width > self.style.width - MARGIN {
                x = MARGIN;
                self.y += ROW;
            }
            self.scene.rect(fill, [x, self.y - 13.0, 11.0, 11.0]);
            self.scene.text(x + 16.0, self.y - 3.0, Fill::Ink, name);
            x += width;
        }
        if x + 22.0 * LETTER > self.style.width - MARGIN {
            x = MARGIN;
            self.y += ROW;
        }
        self.scene.rect(Fill::Rgb(HUGE), [x, self.y - 9.0, 11.0, 3.0]);
        self.scene.text(x + 16.0, self.y - 3.0, Fill::Ink, "underlined: huge pages");
        self.y += 6.0;
    }

    fn group(&mut self, group: &Group<'_>, unit: u64, waiting: &Waiting<'_>) {
        let flow = Flow::of(&group.regions, unit, &self.snapshot.heap, waiting, &self.snapshot.residency);
        let held: u64 = group.regions.iter().map(|region| region.range.len).sum();
        let resident: u64 = flow.cells.iter().map(|cell| cell.resident).sum();
        let in_use: u64 = flow.cells.iter().map(|cell| cell.sums[What::InUse as usize]).sum();
        self.y += ROW + 4.0;
        let regions = match group.regions.len() {
            1 => "1 region".into(),
            many => format!("{} regions", count(many as u64)),
        };
        let text = format!(
            "{}: {} resident of {} in {regions}, {} in use",
            group.name,
            bytes(resident),
            bytes(held),
            bytes(in_use)
        );
        self.scene.heading(MARGIN, self.y - 4.0, text);
        self.y += 2.0;
        let mut paths: BTreeMap<(Fill, u8), Vec<Box>> = BTreeMap::new();
        let own_lines = flow.regions.len() <= LINES;
        let (mut place, mut last_label) = (0, f32::MIN);
        for &(range, first) in &flow.regions {
            if own_lines {
                place = usize::next_multiple_of(place, COLUMNS);
            }
            let y = self.y + (place / COLUMNS) as f32 * self.style.cell;
            if own_lines && y - last_label >= 11.0 {
                self.scene.text(MARGIN, y + 9.0, Fill::Faint, format!("{:x}", range.start));
                last_label = y;
            }
            let cells = &flow.cells[first..first + range.len.div_ceil(unit) as usize];
            for cell in cells {
                let [x, y, w, h] = self.at(place);
                join(paths.entry(cell.look()).or_default(), [x, y, w, h]);
                if cell.huge * 2 > cell.len {
                    join(paths.entry((Fill::Rgb(HUGE), 8)).or_default(), [x, y + h - 1.0, w, 1.0]);
                }
                place += 1;
            }
        }
        self.scene.items.extend(paths.into_iter().map(|((fill, eighths), boxes)| Item::Boxes { fill, eighths, boxes }));
        self.y += place.div_ceil(COLUMNS) as f32 * self.style.cell + 4.0;
    }

    /// Where a cell is.
    fn at(&self, place: usize) -> Box {
        let width = (self.inner() - LABEL) / COLUMNS as f32;
        let (column, row) = ((place % COLUMNS) as f32, (place / COLUMNS) as f32);
        [MARGIN + LABEL + column * width, self.y + row * self.style.cell, width, self.style.cell - 0.6]
    }

    fn mappings(&mut self, usage: &Usage) {
        let mut mappings: Vec<_> = self.snapshot.heap.mappings.iter().collect();
        if mappings.is_empty() {
            return;
        }
        mappings.sort_by_key(|mapping| std::cmp::Reverse(mapping.range.len));
        self.y += ROW + 4.0;
        let all = usage.mappings;
        let text = format!(
            "{} mappings: {} resident of {}",
            count(mappings.len() as u64),
            bytes(all.resident),
            bytes(all.bytes)
        );
        self.scene.heading(MARGIN, self.y - 4.0, text);
        self.y += 2.0;
        let longest = mappings[0].range.len.max(1);
        let room = self.inner() - LABEL - 30.0 * LETTER;
        for mapping in mappings.iter().take(MAPPINGS) {
            let range = mapping.range;
            let resident = self.snapshot.residency.bytes(range.start, range.end());
            let width = (room * ratio(range.len, longest)).max(2.0);
            let at = [MARGIN + LABEL, self.y + 2.0, width, 10.0];
            self.scene.text(MARGIN, self.y + 11.0, Fill::Faint, format!("{:x}", range.start));
            self.scene.rect(Fill::Away, at);
            self.scene.rect(Fill::Rgb(IN_USE), [at[0], at[1], width * ratio(resident, range.len), 10.0]);
            let text = if resident == range.len {
                bytes(range.len)
            } else {
                format!("{} of {}", bytes(resident), bytes(range.len))
            };
            self.scene.text(MARGIN + LABEL + width + 8.0, self.y + 11.0, Fill::Ink, text);
            self.y += 14.0;
        }
        if mappings.len() > MAPPINGS {
            let rest: u64 = mappings[MAPPINGS..].iter().map(|mapping| mapping.range.len).sum();
            self.note(&format!("and {} more with {}", count((mappings.len() - MAPPINGS) as u64), bytes(rest)));
        }
    }
}

/// Adds a box, or makes the last one longer.
pub fn join(boxes: &mut Vec<Box>, [x, y, w, h]: Box) {
    match boxes.last_mut() {
        Some(last) if last[1] == y && last[3] == h && (last[0] + last[2] - x).abs() < 0.01 => last[2] += w,
        _ => boxes.push([x, y, w, h]),
    }
}

/// A part of all, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "pixels")]
pub fn ratio(part: u64, all: u64) -> f32 {
    if all == 0 { 0.0 } else { (part as f64 / all as f64) as f32 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "how often something fits")]
fn whole(value: f32) -> usize {
    value.max(0.0) as usize
}
