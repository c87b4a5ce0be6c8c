//! `metes trace diff BEFORE AFTER`: what two traces have different.

use crate::failure::Done;
use crate::output;
use crate::trace::change::Change;
use crate::trace::read::Trace;
use crate::trace::survey::Survey;
use clap::ValueHint;
use std::path::PathBuf;

/// Says which sites of a program allocate, keep or leave more or less than before.
#[derive(clap::Args)]
pub struct Args {
    /// The trace of before.
    #[arg(value_hint = ValueHint::FilePath)]
    before: PathBuf,
    /// The trace of after.
    #[arg(value_hint = ValueHint::FilePath)]
    after: PathBuf,
    /// How many sites of each figure are shown.
    #[arg(long, default_value_t = 5, value_name = "N")]
    top: usize,
    /// One JSON object with all sites that differ.
    #[arg(long)]
    json: bool,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
}

/// Reads both.
pub fn run(args: &Args) -> Done {
    let (before, after) = (Trace::open(&args.before)?, Trace::open(&args.after)?);
    let survey = |trace: &Trace| Survey::of(trace.events(), &[]);
    let (first, second) = (survey(&before), survey(&after));
    let (mut sites, mut others) = (before.sites(&args.debug_dir), after.sites(&args.debug_dir));
    let change = Change::between([(&before, &first, &mut sites), (&after, &second, &mut others)]);
    if args.json { output::print_json(&change.json()) } else { output::print(change.text(args.top)) }
}
