//! The chart: two panels of bars, CPU time and memory.

use super::Row;
use super::measure::{CPU, MEMORY, Run};
use crate::allocators::{LIBC, METES};
use crate::chart::bars::{Bar, Bars};
use crate::chart::{self, Panel};

/// The chart as SVG.
pub fn chart(title: &str, rows: &[Row]) -> String {
    let shown: Vec<_> = rows.iter().filter(|row| !row.runs.is_empty()).collect();
    let panels = [panel("CPU time", "s", 3, &shown, CPU), panel("peak memory", "MiB", 1, &shown, MEMORY)];
    chart::chart(title, &panels.each_ref().map(|panel| panel as &dyn Panel))
}

fn panel(title: &str, unit: &'static str, decimals: usize, rows: &[&Row], of: fn(&Run) -> f64) -> Bars {
    let base = rows.iter().find(|row| row.name == LIBC).copied();
    let bar = |row: &&Row| Bar {
        name: row.name.clone(),
        value: row.middle_and_least(of).map_or(0.0, |(middle, _)| middle),
        note: row.ratio(base, of).map(|ratio| format!("({ratio:.2} of {LIBC})")).unwrap_or_default(),
        colour: usize::from(row.name == METES),
    };
    Bars { title: title.to_owned(), how: "median", unit, decimals, bars: rows.iter().map(bar).collect() }
}
