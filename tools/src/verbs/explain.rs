//! `metes explain M001`: what a report's code means. The text is docs/errors.md.

use crate::failure::{Done, Failure};
use crate::output;

const PAGE: &str = include_str!("../../../docs/errors.md");

/// Explains the code of a report, such as M001: what happened, and how to find the place.
#[derive(clap::Args)]
pub struct Args {
    /// The code, such as M001; without one, all codes.
    code: Option<String>,
}

/// Prints a chapter of the page, or its headings.
pub fn run(args: &Args) -> Done {
    let Some(code) = &args.code else {
        return output::print(chapters().map(|(heading, _)| format!("{heading}\n")).collect::<String>());
    };
    let (heading, text) = chapters()
        .find(|(heading, _)| heading.split(' ').next().is_some_and(|known| known.eq_ignore_ascii_case(code)))
        .ok_or_else(|| Failure::about(code, format!("no such code; valid are {}", codes().join(" "))))?;
    output::print(format!("{heading}\n\n{}\n", text.trim()))
}

/// The headings of the codes' chapters, such as `M001 double free`, and what stands below each.
fn chapters() -> impl Iterator<Item = (&'static str, &'static str)> {
    let chapters = PAGE.split("\n## ").filter_map(|chapter| chapter.split_once('\n'));
    chapters.filter(|(heading, _)| heading.starts_with('M') && heading[1..].starts_with(|c: char| c.is_ascii_digit()))
}

fn codes() -> Vec<&'static str> {
    chapters().filter_map(|(heading, _)| heading.split(' ').next()).collect()
}
