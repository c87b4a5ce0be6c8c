//! `metes leaks PID | -- PROG | diff A B`: blocks that nothing points to.

use crate::failure::{Done, Failure};
use crate::leaks::found::Leaks;
use crate::leaks::running::{self, Wanted};
use crate::leaks::suppressions::Suppressions;
use crate::leaks::{diff, exit, page};
use crate::output;
use crate::process::Process;
use crate::run::child::End;
use crate::run::on_metes::OnMetes;
use crate::run::scratch::Scratch;
use crate::symbols::{Symbols, report};
use clap::ValueHint;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const AFTER: &str = "\
A program that is started by metes leaks looks for leaks itself when it exits, with the stacks of all blocks. A process that \
runs with the library as it is searched from outside: its threads stand still while its memory is copied, for milliseconds, \
and each word of its data, stacks and registers that points to a block, or into it, has that block reached. A call that \
sleeps may come back with EINTR, as with a debugger; --no-stop leaves the process alone, and says less. Blocks say where they \
come from if the process runs with debug=1 or samples (profile=), else they are sorted by size, and by a symbol that they \
point to: the vtable of a C++ object tells its class.

A file of suppressions has lines `leak:` with a piece of a frame, such as a function or a library.

The exit status is the program's, or 0; with --fail it is 1 where there are leaks.

  metes leaks -- ./program
  metes leaks --fail --suppressions known.txt -o leaks.json -- ./tests
  metes leaks 4711
  metes leaks diff before.json after.json";

/// Finds blocks that nothing points to, of a program or in a running process.
#[derive(clap::Args)]
#[command(after_long_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    diff: Option<Diff>,
    /// The number of a process.
    #[arg(value_name = "PID", required_unless_present = "command", conflicts_with = "command")]
    pid: Option<u32>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Writes the JSON to a file, too.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Leaves out leaks that this file names.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    suppressions: Option<PathBuf>,
    /// The exit status is 1 if there are leaks.
    #[arg(long)]
    fail: bool,
    /// How many frames of a stack are told apart.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    depth: u8,
    /// How many sites the text has.
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: usize,
    /// Searches the process as it goes on.
    #[arg(long, requires = "pid")]
    no_stop: bool,
    /// The library, libmetes.so.
    #[arg(long, value_name = "PATH", requires = "command", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
    /// The program, and what it is given.
    #[arg(last = true, value_name = "PROG ARGS", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

#[derive(clap::Subcommand)]
enum Diff {
    /// Says which sites are new, have grown or are gone.
    Diff {
        /// The leaks before, as -o writes them.
        #[arg(value_name = "A.json", value_hint = ValueHint::FilePath)]
        before: PathBuf,
        /// The leaks after.
        #[arg(value_name = "B.json", value_hint = ValueHint::FilePath)]
        after: PathBuf,
        /// As JSON: a list of sites.
        #[arg(long)]
        json: bool,
        /// The exit status is 1 if there are new sites, or some that have grown.
        #[arg(long)]
        fail: bool,
    },
}

/// How the library says that it cannot search.
const CANNOT: &[u8] = b"leaks=exit: ";

/// Finds them, and shows them.
pub fn run(args: &Args) -> Done {
    if let Some(Diff::Diff { before, after, json, fail }) = &args.diff {
        return compare(before, after, *json, *fail);
    }
    let suppressions = args.suppressions.as_deref().map(Suppressions::load).transpose()?;
    match args.pid {
        Some(pid) => {
            let wanted = Wanted { stop: !args.no_stop, depth: args.depth.into(), debug_directories: &args.debug_dir };
            let leaks = running::search(&Process::open(pid)?, &wanted)?;
            show(args, leaks, suppressions.as_ref()).map(|has_leaks| status(args, has_leaks))
        }
        None => of_program(args, suppressions.as_ref()),
    }
}

fn compare(before: &Path, after: &Path, json: bool, fail: bool) -> Done {
    let (before, after) = (Leaks::load(before)?, Leaks::load(after)?);
    let changed = diff::diff(&before, &after);
    if json {
        output::print_json(&changed)?;
    } else {
        output::print(diff::text(&before, &after, &changed))?;
    }
    let is_worse = changed.iter().any(|one| matches!(one.change, diff::Change::New | diff::Change::Grown));
    Ok(ExitCode::from(u8::from(fail && is_worse)))
}

/// Shows leaks, and says whether there are any.
fn show(args: &Args, mut leaks: Leaks, suppressions: Option<&Suppressions>) -> Result<bool, Failure> {
    suppressions.into_iter().for_each(|known| known.apply(&mut leaks));
    if let Some(file) = &args.output {
        let text = serde_json::to_string_pretty(&leaks).map_err(|error| Failure::about("JSON", error))?;
        output::write_file(file, (text + "\n").as_bytes())?;
    }
    if args.json {
        output::print_json(&leaks)?;
    } else {
        output::print(page::text(&leaks, args.top))?;
    }
    Ok(!leaks.is_empty())
}

fn status(args: &Args, has_leaks: bool) -> ExitCode {
    ExitCode::from(u8::from(args.fail && has_leaks))
}

/// Of a program, from its start to its end.
fn of_program(args: &Args, suppressions: Option<&Suppressions>) -> Done {
    let program = OnMetes::find(&args.command, args.library.as_deref())?;
    let scratch = Scratch::new()?;
    let options = format!("leaks=exit,report={},depth={}", scratch.path().display(), args.depth.max(8));
    let end = program.run(&options)?;
    let text = std::fs::read(scratch.path()).map_err(|error| Failure::of_system(scratch.path().display(), &error))?;
    let mut symbols = Symbols::new(&args.debug_dir);
    let name = program.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let exit::Reports { leaks, rest } = exit::read(name, &text, &mut symbols, args.depth.into());
    // Other reports are for the user as well.
    let mut others = Vec::new();
    rest.split_inclusive(|&byte| byte == b'\n').for_each(|line| report::annotate(&mut symbols, line, &mut others));
    let _ = std::io::stderr().write_all(&others);
    drop(scratch);
    // The search is the last that a process does: one that was killed has not come to it, and the library says why it
    // could not be done.
    let is_searched = !matches!(end, End::Signal(_)) && !others.windows(CANNOT.len()).any(|part| part == CANNOT);
    if leaks.is_empty() && !is_searched {
        let _ =
            writeln!(std::io::stderr(), "metes: {}: was not searched for leaks when it ended", program.path.display());
        return Ok(end.follow());
    }
    let has_leaks = show(args, leaks, suppressions)?;
    match end {
        End::Status(0) => Ok(status(args, has_leaks)),
        end => Ok(end.follow()),
    }
}
