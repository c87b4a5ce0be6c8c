//! The table of a trace: medians, and what they are of glibc's, or of the first row's.

use super::{Played, Round, Row};
use crate::allocators::LIBC;
use crate::text::{bytes, count};
use std::fmt::Write;

/// Nanoseconds of the calls.
pub const TIME: fn(&Round) -> u64 = |round| round.nanoseconds;

/// The row that others are held against.
pub fn base(rows: &[Row]) -> Option<&Row> {
    let mut counting = rows.iter().filter(|row| row.counts());
    counting.clone().find(|row| row.name == LIBC).or_else(|| counting.next())
}

/// The table as text.
pub fn table(played: &Played) -> String {
    let Played { calls, threads, left_out, live_peak, live_peak_at, rows, .. } = played;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("allocator".len());
    let mut text = format!("{}: {} calls by {}", played.trace.display(), count(*calls), several(*threads, "thread"));
    // Writing to a string never fails.
    if *left_out != 0 {
        let _ = write!(text, ", and {} left out", count(*left_out));
    }
    let _ = writeln!(text, "; at most {} live, after call {}", bytes(*live_peak), count(*live_peak_at));
    let _ = writeln!(
        text,
        "{:width$}  {:>8} {:>7} {:>6} {:>6}  {:>9} {:>7} {:>7}  {:>9}  {:>9}  {:>6}",
        "allocator", "CPU s", "ns/call", "ratio", "spread", "peak", "ratio", "of live", "end", "faults", "rounds"
    );
    let base = base(rows);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let over =
        |value: u64, base: u64| if base > 0 { format!("{:.3}", value as f64 / base as f64) } else { "-".to_owned() };
    for row in rows.iter().filter(|row| row.counts()) {
        let time = row.middle(TIME);
        let _ = writeln!(
            text,
            "{:width$}  {:8.3} {:7.1} {:>6} {:>6}  {:>9} {:>7} {:>7}  {:>9}  {:>9}  {:6}",
            row.name,
            per_call(time, 1_000_000_000),
            per_call(time, *calls),
            over(time, base.map_or(0, |base| base.middle(TIME))),
            spread(row),
            bytes(row.peak),
            over(row.peak, base.map_or(0, |base| base.peak)),
            over(row.peak, *live_peak),
            bytes(row.end),
            count(row.middle(|round| round.faults)),
            row.rounds.len(),
        );
    }
    for row in rows {
        row.failure.iter().for_each(|why| _ = writeln!(text, "{}: does not count: {why}", row.name));
    }
    text
}

/// Nanoseconds of a call.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn per_call(time: u64, calls: u64) -> f64 {
    time as f64 / calls.max(1) as f64
}

fn spread(row: &Row) -> String {
    let all = || row.rounds.iter().map(|round| round.nanoseconds as f64);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if least > 0.0 { format!("{:.0}%", (most / least - 1.0) * 100.0) } else { "-".to_owned() }
}

fn several(n: usize, what: &str) -> String {
    if n == 1 { format!("{n} {what}") } else { format!("{} {what}s", count(n as u64)) }
}
