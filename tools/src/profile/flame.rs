//! A profile as a flame graph, and as the folded stacks that one is made of.

use super::sites::{Sites, function};
use super::{Profile, What};
use crate::failure::Failure;
use inferno::flamegraph::{self, Options};

/// A line for each stack: its functions from the outermost on with `;` between, and its bytes.
pub fn folded(profile: &Profile, sites: &mut Sites, what: What) -> Vec<String> {
    let mut lines = Vec::new();
    for stack in &profile.stacks {
        let bytes = stack.amount(what).bytes;
        if bytes != 0 {
            let mut functions: Vec<_> =
                sites.stack(stack).iter().map(|place| function(place).replace(';', ":")).collect();
            if stack.is_cut {
                functions.push("...".into());
            }
            functions.reverse();
            lines.push(format!("{} {bytes}", functions.join(";")));
        }
    }
    lines.sort_unstable();
    lines
}

/// The picture, an SVG.
pub fn picture(profile: &Profile, sites: &mut Sites, what: What, title: &str) -> Result<Vec<u8>, Failure> {
    let lines = folded(profile, sites, what);
    if lines.is_empty() {
        return Err(Failure::about("flame graph", "the profile has no bytes to show"));
    }
    let mut options = Options::default();
    options.title = title.to_owned();
    options.count_name = "bytes".into();
    options.name_type = "Function:".into();
    options.deterministic = true;
    options.colors = "mem".parse().unwrap_or_default();
    options.notes = format!("metes: bytes {} by stack", what.words());
    let mut picture = Vec::new();
    let made = flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut picture);
    made.map_err(|error| Failure::about("flame graph", error))?;
    Ok(picture)
}
