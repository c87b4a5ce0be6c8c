//! Leaks as a page of text.

use super::found::{Frame, Leaks, Reach, Site, Sum};
use crate::profile::sites::base_name;
use crate::text::{bytes, count, percent};
use std::fmt::Write;

/// How many frames of a stack are shown.
const FRAMES: usize = 8;

/// The page: at most `most` sites.
pub fn text(leaks: &Leaks, most: usize) -> String {
    let mut page = head(leaks);
    for site in leaks.sites.iter().take(most) {
        one(&mut page, site);
    }
    let rest = &leaks.sites[most.min(leaks.sites.len())..];
    if !rest.is_empty() {
        let mut sum = Sum::default();
        rest.iter().for_each(|site| sum.add(site.blocks, site.bytes));
        let _ =
            writeln!(page, "and {} sites more with {} in {} blocks", rest.len(), bytes(sum.bytes), count(sum.blocks));
    }
    if leaks.unlisted != 0 {
        let _ = writeln!(page, "and {} places that the library has not listed", count(leaks.unlisted));
    }
    page
}

fn head(leaks: &Leaks) -> String {
    let mut page = match leaks.pids[..] {
        [pid] => format!("{} ({pid}): ", leaks.program),
        [] => format!("{}: ", leaks.program),
        _ => format!("{} ({} processes): ", leaks.program, leaks.pids.len()),
    };
    let Leaks { direct, indirect, suppressed, .. } = leaks;
    if leaks.is_empty() {
        page.push_str("no leaks");
    } else {
        let _ = write!(page, "{} in {} blocks leaked", bytes(direct.bytes), count(direct.blocks));
        let _ = write!(
            page,
            ", and {} in {} blocks that only these lead to",
            bytes(indirect.bytes),
            count(indirect.blocks)
        );
    }
    if suppressed.blocks != 0 {
        let _ = write!(page, "; {} in {} blocks suppressed", bytes(suppressed.bytes), count(suppressed.blocks));
    }
    page.push('\n');
    if let Some(search) = &leaks.search {
        let _ = write!(page, "  searched: {} blocks with {}", count(search.blocks.blocks), bytes(search.blocks.bytes));
        let _ = write!(page, ", {} of other memory, in {}", bytes(search.roots), milliseconds(search.took_ms));
        if let Some(stopped) = search.stopped_ms {
            let threads = if search.threads == 1 { "1 thread".into() } else { format!("{} threads", search.threads) };
            let _ = write!(page, "; {threads} stood still for {}", milliseconds(stopped));
        }
        page.push('\n');
        let all = leaks.direct.bytes + leaks.indirect.bytes;
        if all != 0 {
            let known = percent(search.known, all);
            let _ = writeln!(page, "  the calls are known of {} of these bytes ({known})", bytes(search.known));
        }
        search.notes.iter().for_each(|note| _ = writeln!(page, "  {note}"));
    }
    page.push('\n');
    page
}

fn milliseconds(time: f64) -> String {
    if time < 10_000.0 { format!("{time:.1} ms") } else { format!("{:.1} s", time / 1000.0) }
}

fn one(page: &mut String, site: &Site) {
    const INDENT: &str = "                     ";
    let kind = if site.reach == Reach::Direct { "leaked" } else { "indirect" };
    let _ = write!(page, "{:>10}  {kind:8}  in {} blocks", bytes(site.bytes), count(site.blocks));
    if let Some(size) = site.size {
        let _ = write!(page, " of {} B", count(size));
    }
    if let Some(symbol) = &site.symbol {
        let _ = write!(page, ", {symbol}");
    }
    if let Some(estimate) = site.estimate {
        let _ = write!(page, ", samples that stand for about {}", bytes(estimate));
    }
    page.push('\n');
    stack(page, INDENT, &site.frames);
    if let Some(example) = site.examples.first() {
        let shown = format!("  {}  |{}|", spaced(&example.first), printable(&example.first));
        let shown = if example.first.is_empty() { "" } else { &shown };
        let _ = writeln!(page, "{INDENT}one at {}{shown}", example.address);
    }
    page.push('\n');
}

/// Adds the frames of a stack, without the innermost ones of a language's library.
pub fn stack(page: &mut String, indent: &str, frames: &[Frame]) {
    let inner = frames.iter().take_while(|frame| frame.is_of_library()).count();
    let inner = if inner == frames.len() { 0 } else { inner };
    if inner != 0 {
        let _ = writeln!(page, "{indent}{inner} frames of the language's library");
    }
    for frame in frames.iter().skip(inner).take(FRAMES) {
        let _ = writeln!(page, "{indent}{}", place(frame));
    }
    let more = (frames.len() - inner).saturating_sub(FRAMES);
    if more != 0 {
        let _ = writeln!(page, "{indent}... {more} frames");
    }
}

fn place(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{}  {}:{line}", frame.function, base_name(file)),
        _ => frame.function.clone(),
    }
}

/// Hexadecimal digits with a blank between bytes.
fn spaced(digits: &str) -> String {
    let pairs: Vec<_> = (0..digits.len()).step_by(2).filter_map(|at| digits.get(at..at + 2)).collect();
    pairs.join(" ")
}

fn printable(digits: &str) -> String {
    let bytes = (0..digits.len()).step_by(2).filter_map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    bytes.map(|byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' }).collect()
}
