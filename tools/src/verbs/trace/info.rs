//! `metes trace info FILE`: what a trace says.

use super::window::Window;
use crate::failure::{Done, Failure};
use crate::output;
use crate::trace::read::Trace;
use crate::trace::sheet::Sheet;
use crate::trace::survey::Survey;
use clap::ValueHint;
use std::path::PathBuf;

/// Says what a trace has: calls, sizes, lives, threads, and where the most was allocated, kept and left.
#[derive(clap::Args)]
pub struct Args {
    /// The trace, or a raw file.
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// How many sites of each kind are shown.
    #[arg(long, default_value_t = 5, value_name = "N")]
    top: usize,
    /// One JSON object with all figures and all sites.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    window: Window,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
}

/// Reads it once.
pub fn run(args: &Args) -> Done {
    let trace = Trace::open(&args.file)?;
    let metadata = std::fs::metadata(&args.file).map_err(|error| Failure::of_system(args.file.display(), &error))?;
    let survey = survey(&trace, &args.window)?;
    let sheet = Sheet { trace: &trace, survey: &survey, file: metadata.len(), top: args.top };
    let mut sites = trace.sites(&args.debug_dir);
    if args.json { output::print_json(&sheet.json(&mut sites)) } else { output::print(sheet.text(&mut sites)) }
}

/// The sums of a part of a trace.
pub fn survey(trace: &Trace, window: &Window) -> Result<Survey, Failure> {
    let numbers: Vec<_> = trace.threads().iter().map(|thread| thread.number).collect();
    Ok(Survey::of(window.events(trace)?, &numbers))
}
