//! The sums of a trace as text, and as JSON.

use super::event::Call;
use super::read::Trace;
use super::survey::{LIVES, Site, Sum, Survey};
use crate::profile::page::frames;
use crate::profile::sites::Sites;
use crate::symbols::Place;
use crate::text::{bytes, count, percent};
use serde_json::{Value, json};
use std::fmt::Write;

/// The names of calls, by their numbers.
const CALLS: [&str; 8] = ["", "malloc", "calloc", "aligned", "new", "realloc", "free", "delete"];
/// The name of a call.
pub fn name(call: Call) -> &'static str {
    CALLS[call as usize]
}

/// What lives less than the next of these.
const TIMES: [&str; LIVES] =
    ["< 1 µs", "< 10 µs", "< 100 µs", "< 1 ms", "< 10 ms", "< 100 ms", "< 1 s", "< 10 s", "longer"];
/// How wide a bar is.
const BAR: u64 = 30;

/// What is shown, beside the sums.
pub struct Sheet<'a> {
    /// The trace.
    pub trace: &'a Trace,
    /// Its sums.
    pub survey: &'a Survey,
    /// Bytes of the file.
    pub file: u64,
    /// How many sites there are of each kind.
    pub top: usize,
}

/// Seconds and smaller units.
pub fn time(nanoseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let ns = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}

fn sum(sum: Sum) -> String {
    format!("{} in {} blocks", bytes(sum.bytes), count(sum.blocks))
}

/// A kind of sites: what they have the most of, what of a site is shown, and by which figure they are sorted.
type Kind = (&'static str, fn(&Site) -> Sum, fn(Sum) -> u64);

/// Those that are shown.
const KINDS: [Kind; 4] = [
    ("the most calls", |site| site.allocated, |sum| sum.blocks),
    ("the most bytes live at the peak", |site| site.peak, |sum| sum.bytes),
    ("the most blocks that were freed before their thread allocated another", temporary, |sum| sum.blocks),
    ("the most bytes live at the end", |site| site.live, |sum| sum.bytes),
];

fn temporary(site: &Site) -> Sum {
    Sum { blocks: site.temporary, bytes: 0 }
}

impl Sheet<'_> {
    /// The page.
    pub fn text(&self, sites: &mut Sites) -> String {
        let mut page = String::new();
        self.head(&mut page);
        self.sums(&mut page);
        self.tables(&mut page);
        if self.trace.process().frames == 0 {
            page.push_str("\nno stacks were recorded, so no sites are known\n");
            return page;
        }
        for (title, of, key) in KINDS {
            let found = self.best(of, key);
            if !found.is_empty() {
                let gap = if page.ends_with("\n\n") { "" } else { "\n" };
                let _ = writeln!(page, "{gap}{title}");
            }
            for (stack, site) in found.iter().take(self.top) {
                self.site(&mut page, sites, *stack, site, of(site));
            }
        }
        page
    }

    fn head(&self, page: &mut String) {
        let (process, ending) = (self.trace.process(), self.trace.ending());
        let threads = match self.survey.threads.iter().filter(|thread| thread.calls != 0).count() {
            1 => "one thread".into(),
            threads => format!("{threads} threads"),
        };
        let _ = writeln!(
            page,
            "{} ({}): {} calls of {} in {}",
            process.program,
            process.pid,
            count(self.survey.events),
            threads,
            time(self.survey.time.1 - self.survey.time.0),
        );
        let mut say = |text: String| _ = writeln!(page, "  {text}");
        match (ending.cut, ending.exited) {
            (true, _) => say("the file was cut: its last calls are missing".into()),
            (false, true) => say("the process came to its exit".into()),
            (false, false) => say("the process did not come to its exit: it was killed, or ran on".into()),
        }
        if ending.stopped {
            say("recording stopped before the process did: there was no room for more".into());
        }
        if ending.missed != 0 {
            say(format!("{} calls could not be recorded", count(ending.missed)));
        }
        let (anomalies, damaged) = self.survey.wrong;
        if anomalies != 0 {
            say(format!("{} calls do not fit the others: some are missing", count(anomalies)));
        }
        if damaged + self.trace.damaged() != 0 {
            say(format!("{} parts of the file are damaged, and were left out", count(damaged + self.trace.damaged())));
        }
    }

    fn sums(&self, page: &mut String) {
        let survey = self.survey;
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let each = self.file as f64 / survey.events.max(1) as f64;
        let _ = writeln!(page, "\nfile        {}, {each:.2} bytes a call", bytes(self.file));
        let calls = (1..8).filter(|&call| survey.calls[call] != 0);
        let calls: Vec<_> = calls.map(|call| format!("{} {}", count(survey.calls[call]), CALLS[call])).collect();
        let _ = writeln!(page, "calls       {}", calls.join(", "));
        let _ = writeln!(page, "allocated   {}", sum(survey.allocated));
        let _ = writeln!(page, "peak        {} at {}", sum(survey.peak.1), time(survey.peak.0));
        let _ = writeln!(page, "at the end  {} live", sum(survey.live));
        let share = percent(survey.temporary, survey.allocated.blocks);
        let _ = writeln!(page, "temporary   {} blocks, {share}", count(survey.temporary));
        let reallocs = &survey.reallocs;
        if survey.calls[5] != 0 {
            let _ = writeln!(
                page,
                "realloc     {} in place, {} moved with {}, {} of null; at most {} of one block",
                count(reallocs.in_place),
                count(reallocs.moved),
                bytes(reallocs.moved_bytes),
                count(reallocs.of_null),
                count(reallocs.longest_chain.into()),
            );
        }
        if survey.failed != 0 {
            let _ = writeln!(page, "failed      {} allocations", count(survey.failed));
        }
        if survey.unknown != 0 {
            let _ = writeln!(page, "unknown     {} frees of what was allocated before", count(survey.unknown));
        }
    }

    fn tables(&self, page: &mut String) {
        let survey = self.survey;
        let most = survey.sizes.iter().map(|sum| sum.blocks).max().unwrap_or(0);
        let _ = writeln!(page, "\n    size up to      blocks       bytes");
        for (place, sum) in survey.sizes.iter().enumerate().filter(|(_, sum)| sum.blocks != 0) {
            let limit = if place == 0 { 0 } else { 1 << (place - 1) };
            let line = (bytes(limit), count(sum.blocks), bytes(sum.bytes), bar(sum.blocks, most));
            let _ = writeln!(page, "{:>14} {:>11} {:>11}  {}", line.0, line.1, line.2, line.3);
        }
        let most = survey.lived.iter().copied().max().unwrap_or(0);
        let _ = writeln!(page, "\n     freed blocks lived");
        for (time, &blocks) in TIMES.iter().zip(&survey.lived).filter(|&(_, &blocks)| blocks != 0) {
            let _ = writeln!(page, "{time:>14} {:>11}  {}", count(blocks), bar(blocks, most));
        }
        let threads: Vec<_> = survey.threads.iter().filter(|thread| thread.calls != 0).collect();
        if threads.len() > 1 {
            let _ = writeln!(page, "\n        thread       calls      blocks       bytes  freed of others");
            for thread in threads.iter().take(self.top.max(10)) {
                let _ = writeln!(
                    page,
                    "{:>14} {:>11} {:>11} {:>11} {:>16}",
                    thread.number,
                    count(thread.calls),
                    count(thread.allocated.blocks),
                    bytes(thread.allocated.bytes),
                    count(thread.freed_of_others)
                );
            }
            let more = threads.len().saturating_sub(self.top.max(10));
            if more != 0 {
                let _ = writeln!(page, "           and {more} threads more");
            }
        }
    }

    /// The sites with the most of something, the most first.
    fn best(&self, of: fn(&Site) -> Sum, key: fn(Sum) -> u64) -> Vec<(u32, &Site)> {
        let sites = self.survey.sites.iter().map(|(&stack, site)| (stack, site));
        let mut sites: Vec<_> = sites.filter(|(_, site)| of(site).blocks != 0).collect();
        sites.sort_by_key(|(stack, site)| (std::cmp::Reverse(key(of(site))), *stack));
        sites
    }

    fn site(&self, page: &mut String, sites: &mut Sites, stack: u32, site: &Site, amount: Sum) {
        let ended: u64 = site.lived.iter().sum();
        let life = site.lives.checked_div(ended);
        let life = life.map(|life| format!(", those freed lived {}", time(life))).unwrap_or_default();
        let (size, blocks) = (bytes(amount.bytes), count(amount.blocks));
        let size = if amount.bytes == 0 { String::new() } else { format!("{size} in ") };
        let _ = writeln!(page, "{:>20}{blocks} blocks{life}", size);
        let frames_of = self.trace.stack(stack);
        let is_cut = frames_of.len() as u64 == self.trace.process().frames;
        frames(page, &places(sites, frames_of), is_cut);
    }

    /// All figures, as one JSON object.
    pub fn json(&self, sites: &mut Sites) -> Value {
        let survey = self.survey;
        let process = self.trace.process();
        let calls: serde_json::Map<_, _> =
            (1..8).map(|call| (CALLS[call].to_owned(), survey.calls[call].into())).collect();
        let sizes = survey.sizes.iter().enumerate().filter(|(_, sum)| sum.blocks != 0);
        let sizes: Vec<_> = sizes
            .map(|(place, sum)| {
                let limit: u64 = if place == 0 { 0 } else { 1 << (place - 1) };
                json!({ "up_to": limit, "blocks": sum.blocks, "bytes": sum.bytes })
            })
            .collect();
        let of_sites: Vec<_> = self
            .best(|site| site.allocated, |sum| sum.blocks)
            .iter()
            .map(|&(stack, site)| {
                json!({
                    "allocated": site.allocated, "peak": site.peak, "live": site.live, "temporary": site.temporary,
                    "lived_ns": site.lives, "frames": frames_json(&places(sites, self.trace.stack(stack))),
                })
            })
            .collect();
        json!({
            "program": process.program, "pid": process.pid, "started_ns": process.real,
            "events": survey.events, "from_ns": survey.time.0, "to_ns": survey.time.1,
            "duration_ns": self.trace.duration(), "file_bytes": self.file, "ending": self.trace.ending(),
            "anomalies": survey.wrong.0, "damaged": survey.wrong.1 + self.trace.damaged(),
            "calls": calls, "failed": survey.failed, "allocated": survey.allocated,
            "peak": { "at_ns": survey.peak.0, "blocks": survey.peak.1.blocks, "bytes": survey.peak.1.bytes },
            "live": survey.live, "temporary": survey.temporary, "unknown": survey.unknown, "reallocs": survey.reallocs,
            "sizes": sizes, "lived": survey.lived, "threads": survey.threads,
            "frames": process.frames, "sites": if process.frames == 0 { Vec::new() } else { of_sites },
        })
    }
}

fn bar(part: u64, most: u64) -> String {
    let len = (part * BAR).div_ceil(most.max(1));
    "#".repeat(usize::try_from(len).unwrap_or(0))
}

/// The places of a stack's frames, innermost first.
pub fn places(sites: &mut Sites, frames: &[u64]) -> Vec<Place> {
    frames.iter().flat_map(|&frame| sites.places(frame).to_vec()).collect()
}

/// The same as JSON.
pub fn frames_json(places: &[Place]) -> Vec<Value> {
    let one = |place: &Place| json!({ "function": place.function, "file": place.file, "line": place.line });
    places.iter().map(one).collect()
}
