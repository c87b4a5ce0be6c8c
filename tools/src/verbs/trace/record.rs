//! `metes trace record -o FILE -- PROG ARGS`: a program, recorded.

use crate::failure::Done;
use crate::verbs::run;
use clap::ValueHint;
use std::ffi::OsString;
use std::path::PathBuf;

const AFTER: &str = "\
The trace of the program is FILE, and those of the programs that it starts are FILE.PID, with the number of their \
process. If the program becomes another one by exec, FILE is of the last one. None of these files may be there yet.

The program runs on metes as by metes run --trace FILE, which has more flags.";

/// Records every allocation call of a program in a file.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The file, which must not be there yet.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// How many frames of each call's stack are recorded.
    #[arg(long, value_name = "N", default_value_t = run::STACKS, value_parser = clap::value_parser!(u32).range(1..=64))]
    stacks: u32,
    /// Records no stacks: the program runs faster, and the trace is smaller.
    #[arg(long, conflicts_with = "stacks")]
    no_stacks: bool,
    /// An option of the library; `metes options` has the table.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The library, libmetes.so; or none, for a program that metes is linked into.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
    /// The program, and what it is given.
    #[arg(required = true, last = true, value_name = "PROG ARGS", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// Runs it, and ends as it ends.
pub fn run(args: &Args) -> Done {
    run::run(&run::Args {
        trace: Some(args.output.clone()),
        trace_stacks: if args.no_stacks { 0 } else { args.stacks },
        options: args.options.clone(),
        library: args.library.clone(),
        debug_dir: args.debug_dir.clone(),
        command: args.command.clone(),
        ..run::Args::default()
    })
}
