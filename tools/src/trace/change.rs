//! What two traces of a program have different. Sites are the same if the functions of their frames are: addresses differ
//! from run to run, and lines from version to version.

use super::read::Trace;
use super::sheet::{frames_json, places};
use super::survey::{Sum, Survey};
use crate::profile::page::frames;
use crate::profile::sites::{Sites, base_name, function};
use crate::symbols::Place;
use crate::text::{bytes, count};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write;

/// What was allocated at one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Amounts {
    /// All.
    pub allocated: Sum,
    /// What was live at the peak.
    pub peak: Sum,
    /// What was live at the end.
    pub live: Sum,
}

/// A site of either trace.
pub struct Site {
    /// Its frames, innermost first.
    pub places: Vec<Place>,
    /// What the first and the second trace have of it.
    pub amounts: [Amounts; 2],
}

/// A figure that is compared: what it is called, and what of a site it is.
type Figure = (&'static str, fn(&Amounts) -> u64, fn(u64) -> String);

const FIGURES: [Figure; 4] = [
    ("calls", |amounts| amounts.allocated.blocks, count),
    ("bytes allocated", |amounts| amounts.allocated.bytes, bytes),
    ("bytes live at the peak", |amounts| amounts.peak.bytes, bytes),
    ("bytes live at the end", |amounts| amounts.live.bytes, bytes),
];

/// Two traces, compared.
pub struct Change {
    /// The sums of each.
    pub totals: [Amounts; 2],
    /// All sites.
    pub sites: Vec<Site>,
}

impl Change {
    /// Of two traces with their sums and the names of their frames.
    pub fn between(parts: [(&Trace, &Survey, &mut Sites); 2]) -> Self {
        let mut known: HashMap<Vec<String>, Site> = HashMap::new();
        let mut totals = [Amounts::default(); 2];
        for (which, (trace, survey, sites)) in parts.into_iter().enumerate() {
            totals[which] = Amounts { allocated: survey.allocated, peak: survey.peak.1, live: survey.live };
            for (&stack, found) in &survey.sites {
                let places = places(sites, trace.stack(stack));
                let key = places.iter().map(name).collect();
                let site = known.entry(key).or_insert_with(|| Site { places, amounts: Default::default() });
                let amounts = &mut site.amounts[which];
                amounts.allocated += found.allocated;
                amounts.peak += found.peak;
                amounts.live += found.live;
            }
        }
        let mut sites: Vec<_> = known.into_iter().collect();
        // The order of a hash map is another one each time.
        sites.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { totals, sites: sites.into_iter().map(|(_, site)| site).collect() }
    }

    /// As text: of each figure the sites that differ most.
    pub fn text(&self, top: usize) -> String {
        let mut page = format!("{:>40}{:>14}{:>14}\n", "before", "after", "change");
        for (title, of, text) in FIGURES {
            let [before, after] = self.totals.each_ref().map(of);
            let _ =
                writeln!(page, "{title:<26}{:>14}{:>14}{:>14}", text(before), text(after), signed(before, after, text));
        }
        for (title, of, text) in FIGURES {
            let differing = self.differing(of);
            if !differing.is_empty() {
                let gap = if page.ends_with("\n\n") { "" } else { "\n" };
                let _ = writeln!(page, "{gap}{title}");
            }
            for site in differing.iter().take(top) {
                let [before, after] = site.amounts.each_ref().map(of);
                let _ = writeln!(page, "{:>20}  {} -> {}", signed(before, after, text), text(before), text(after));
                frames(&mut page, &site.places, false);
            }
        }
        page
    }

    /// The sites with another figure, those that differ most first.
    fn differing(&self, of: fn(&Amounts) -> u64) -> Vec<&Site> {
        let difference = |site: &Site| of(&site.amounts[0]).abs_diff(of(&site.amounts[1]));
        let mut sites: Vec<_> = self.sites.iter().filter(|site| difference(site) != 0).collect();
        sites.sort_by_key(|site| std::cmp::Reverse(difference(site)));
        sites
    }

    /// As JSON, with all sites that differ.
    pub fn json(&self) -> Value {
        let pair = |[before, after]: [Amounts; 2]| json!({ "before": before, "after": after });
        let differing = self.sites.iter().filter(|site| site.amounts[0] != site.amounts[1]);
        let sites: Vec<_> = differing
            .map(|site| {
                let mut value = pair(site.amounts);
                value["frames"] = frames_json(&site.places).into();
                value
            })
            .collect();
        json!({ "totals": pair(self.totals), "sites": sites })
    }
}

/// A function, and the name of its file.
fn name(place: &Place) -> String {
    let file = place.file.as_deref().map(base_name).unwrap_or_default();
    format!("{} {file}", function(place))
}

fn signed(before: u64, after: u64, text: fn(u64) -> String) -> String {
    let sign = match after.cmp(&before) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", text(before.abs_diff(after)))
}
