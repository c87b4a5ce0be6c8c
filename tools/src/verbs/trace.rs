//! `metes trace`: records every allocation call of a program, and says what was recorded.

mod diff;
mod export;
mod info;
mod pack;
mod record;
mod window;

use crate::failure::Done;
use clap::Subcommand;

const AFTER: &str = "\
  metes trace -o py.trace -- python3 script.py     the same as metes trace record
  metes trace info py.trace                        what it says
  metes replay py.trace                            runs its calls again

A trace is read as far as it is there: of a program that was killed all is there, and of a tool that was killed all but \
the last few thousand calls. Each verb takes a raw file as well, which the library's option trace=PATH makes.";

/// Records every allocation call of a program, and says what it did with its memory.
#[derive(clap::Args)]
#[command(after_long_help = AFTER, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[group(skip)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    record: Option<record::Args>,
}

#[derive(Subcommand)]
enum Verb {
    Record(record::Args),
    Info(info::Args),
    Diff(diff::Args),
    Export(export::Args),
    Pack(pack::Args),
}

/// Does it.
pub fn run(args: &Args) -> Done {
    match (&args.verb, &args.record) {
        (Some(Verb::Record(args)), _) | (None, Some(args)) => record::run(args),
        (Some(Verb::Info(args)), _) => info::run(args),
        (Some(Verb::Diff(args)), _) => diff::run(args),
        (Some(Verb::Export(args)), _) => export::run(args),
        (Some(Verb::Pack(args)), _) => pack::run(args),
        (None, None) => Err(crate::failure::Failure::about("trace", "no program is named")),
    }
}
