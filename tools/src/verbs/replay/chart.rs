//! The chart of replays: bars of time and peak, and memory over the calls.

use super::table::{TIME, base, per_call};
use super::{Played, Row};
use crate::allocators::{LIBC, METES};
use crate::chart::bars::{Bar, Bars};
use crate::chart::lines::{Line, Lines};
use crate::chart::{self, Colour, Panel};
use crate::text::{bytes, count};

/// The chart as SVG: the panels of each trace, one below the other.
pub fn chart(all: &[Played]) -> String {
    let panels: Vec<_> = all.iter().map(|played| panels(played, all.len() > 1)).collect();
    let shown: Vec<_> = panels
        .iter()
        .flat_map(|(time, peak, over)| [time as &dyn Panel, peak as &dyn Panel, over as &dyn Panel])
        .collect();
    let title = match all {
        [one] => format!("{}: {} calls, at most {} live", name(one), count(one.calls), bytes(one.live_peak)),
        _ => format!("{} traces", all.len()),
    };
    chart::chart(&title, &shown)
}

fn name(played: &Played) -> String {
    played.trace.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn panels(played: &Played, is_one_of_several: bool) -> (Bars, Bars, Lines) {
    let colours = chart::colours(played.rows.iter().map(|row| row.name.as_str()), LIBC, METES);
    let rows: Vec<_> = played.rows.iter().zip(colours).filter(|(row, _)| row.counts()).collect();
    let of = if is_one_of_several { format!("{}: ", name(played)) } else { String::new() };
    let first = base(&played.rows);
    let bars = |title: &str, how, unit, decimals, value: &dyn Fn(&Row) -> f64| {
        let base = first.map_or(0.0, value);
        let note = |row: &Row| match first {
            Some(first) if base > 0.0 => format!("({:.2} of {})", value(row) / base, first.name),
            _ => String::new(),
        };
        let bar = |&(row, colour): &(&Row, Colour)| Bar {
            name: row.name.clone(),
            value: value(row),
            note: note(row),
            colour,
        };
        Bars { title: format!("{of}{title}"), how, unit, decimals, bars: rows.iter().map(bar).collect() }
    };
    let time = bars("CPU time of a call", "median", "ns", 1, &|row| per_call(row.middle(TIME), played.calls));
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let peak = bars("peak memory", "of a round", "MiB", 1, &|row| row.peak as f64 / f64::from(1 << 20));
    let points = |values: &mut dyn Iterator<Item = u64>| {
        played.moments.iter().map(|moment| moment[0]).zip(values).collect::<Vec<_>>()
    };
    let area = Line {
        name: "live: what the program asked for and had not freed".to_owned(),
        colour: 0,
        points: points(&mut played.moments.iter().map(|moment| moment[2])),
    };
    let line = |&(row, colour): &(&Row, Colour)| Line {
        name: row.name.clone(),
        colour,
        points: points(&mut row.resident.iter().copied()),
    };
    let lines = Lines {
        title: format!("{of}resident memory over the calls of the trace"),
        axis: "calls",
        area,
        lines: rows.iter().map(line).collect(),
    };
    (time, peak, lines)
}
