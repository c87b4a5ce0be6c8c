//! Two lists of leaks, held against each other site by site.

use super::found::{Frame, Leaks, Reach, Site, Sum};
use super::page;
use crate::text::{bytes, count};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What became of a site.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    New,
    /// It has more blocks or bytes.
    Grown,
    /// It has less.
    Shrunk,
    /// It is not there any more.
    Gone,
}

/// A site that has changed.
#[derive(Serialize)]
pub struct Changed {
    /// How.
    pub change: Change,
    /// How its leaks can be reached.
    pub reach: Reach,
    /// Before.
    pub before: Sum,
    /// After.
    pub after: Sum,
    /// The calls.
    pub frames: Vec<Frame>,
    /// Where the calls are not known: the bytes of each.
    pub size: Option<u64>,
    /// Where the calls are not known: a symbol that a word at the start of each points to.
    pub symbol: Option<String>,
}

/// The sites that differ: new ones first, and of each kind those with the most bytes.
pub fn diff(before: &Leaks, after: &Leaks) -> Vec<Changed> {
    let mut both: BTreeMap<_, (Sum, Sum, &Site)> = BTreeMap::new();
    for (is_after, leaks) in [(false, before), (true, after)] {
        for site in &leaks.sites {
            // Lines move from one build to the next, so functions tell sites apart.
            let found = both.entry(site.key()).or_insert((Sum::default(), Sum::default(), site));
            let sum = if is_after { &mut found.1 } else { &mut found.0 };
            sum.add(site.blocks, site.bytes);
            if is_after {
                found.2 = site;
            }
        }
    }
    let mut changed: Vec<_> =
        both.into_values().filter_map(|(before, after, site)| change(before, after, site)).collect();
    changed.sort_by_key(|one| (one.change, Reverse(one.after.bytes.abs_diff(one.before.bytes))));
    changed
}

fn change(before: Sum, after: Sum, site: &Site) -> Option<Changed> {
    let change = match (before.blocks, after.blocks) {
        (0, _) => Change::New,
        (_, 0) => Change::Gone,
        _ if before == after => return None,
        _ if (after.bytes, after.blocks) > (before.bytes, before.blocks) => Change::Grown,
        _ => Change::Shrunk,
    };
    let (frames, size, symbol) = (site.frames.clone(), site.size, site.symbol.clone());
    Some(Changed { change, reach: site.reach, before, after, frames, size, symbol })
}

/// The page.
pub fn text(before: &Leaks, after: &Leaks, changed: &[Changed]) -> String {
    let sum = |leaks: &Leaks| {
        let mut sum = leaks.direct;
        sum.add(leaks.indirect.blocks, leaks.indirect.bytes);
        format!("{} in {} blocks", bytes(sum.bytes), count(sum.blocks))
    };
    let mut page = format!("{}: {}, now {}\n\n", after.program, sum(before), sum(after));
    for one in changed {
        let word = match one.change {
            Change::New => "new",
            Change::Grown => "grown",
            Change::Shrunk => "shrunk",
            Change::Gone => "gone",
        };
        let kind = if one.reach == Reach::Direct { "" } else { ", indirect" };
        let of = |sum: Sum| format!("{} in {}", bytes(sum.bytes), count(sum.blocks));
        let _ = match one.change {
            Change::New => writeln!(page, "{word:6}  {} blocks{kind}", of(one.after)),
            Change::Gone => writeln!(page, "{word:6}  {} blocks{kind}", of(one.before)),
            _ => writeln!(page, "{word:6}  {}, now {} blocks{kind}", of(one.before), of(one.after)),
        };
        page::stack(&mut page, "          ", &one.frames);
        if let Some(size) = one.size {
            let symbol = one.symbol.as_ref().map_or(String::new(), |symbol| format!(", {symbol}"));
            let _ = writeln!(page, "          blocks of {} B{symbol}", count(size));
        }
        page.push('\n');
    }
    if changed.is_empty() {
        page.push_str("the same sites with the same blocks\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(function: &str, line: u32, blocks: u64, bytes: u64) -> Site {
        let frames = vec![Frame { function: function.into(), file: None, line: Some(line), address: String::new() }];
        Site::of(Reach::Direct, blocks, bytes, frames)
    }

    #[test]
    fn sites_are_new_grown_shrunk_or_gone() {
        let of = |sites| Leaks::of("x".into(), vec![1], sites);
        let before =
            of(vec![site("same", 1, 1, 10), site("grows", 2, 1, 10), site("ends", 3, 1, 7), site("less", 4, 9, 90)]);
        let after =
            of(vec![site("same", 5, 1, 10), site("grows", 6, 2, 20), site("begins", 7, 1, 5), site("less", 8, 1, 10)]);
        let changed = diff(&before, &after);
        let told: Vec<_> = changed.iter().map(|one| (one.change, one.frames[0].function.as_str())).collect();
        use Change::{Gone, Grown, New, Shrunk};
        assert_eq!(told, [(New, "begins"), (Grown, "grows"), (Shrunk, "less"), (Gone, "ends")]);
        assert_eq!((changed[1].before.bytes, changed[1].after.bytes), (10, 20));
        assert!(diff(&before, &before).is_empty());
    }
}
