//! `metes options`: the table of the library's options.

use crate::failure::Done;
use crate::output;
use crate::settings::{self, Setting};
use std::fmt::Write;

const AFTER: &str = "\
An option is a word of METES_OPTIONS, as in METES_OPTIONS=checks=full,stats=exit, or of `metes run -o`. The manual page \
metes-options(7) says what each does.";

/// The options of the library: what each takes, and its default.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// As JSON: a list of objects with name, takes and default.
    #[arg(long)]
    json: bool,
}

/// Prints the table.
pub fn run(args: &Args) -> Done {
    let all = settings::all();
    if args.json { output::print_json(&all) } else { output::print(table(&all)) }
}

fn table(all: &[Setting]) -> String {
    let width = |of: fn(&Setting) -> usize| all.iter().map(of).max().unwrap_or(0);
    let (names, defaults) = (width(|one| one.name.len()), width(|one| one.default.len()));
    let mut text = format!("{:names$}  {:defaults$}  takes\n", "option", "default");
    for Setting { name, takes, default } in all {
        let default = if default.is_empty() { "none" } else { default };
        // Writing to a string never fails.
        let _ = writeln!(text, "{name:names$}  {default:defaults$}  {takes}");
    }
    text
}
