//! `metes bench -- PROG ARGS`: a program on each allocator that is here, in rounds, and what it took.

mod chart;
mod measure;
mod table;

use crate::allocators::{self, Allocator};
use crate::failure::{Done, Failure};
use crate::{output, program};
use clap::ValueHint;
use measure::Run;
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const AFTER: &str = "\
Each round runs PROG once on each allocator, so that what else the machine does meets all of them. CPU time and memory \
are what the kernel counts for PROG and the children that it has waited for. A run counts if PROG ends with status 0, \
and if the allocator was mapped, and no other one, when it ended; this is seen by ptrace at the exit. PROG's standard \
output goes to /dev/null, unless --output is given.

The table has the median and the least of the rounds, what the median is of glibc's, and the spread: what the most is \
over the least, of the CPU time.

  metes bench -- ./program input
  metes bench --rounds 11 --allocator mine=./libmine.so --chart chart.svg -- ./program";

/// Compares allocators on a program: CPU and wall time, memory, page faults.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// How often each runs.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Another allocator, as NAME=PATH of its shared library.
    #[arg(long, value_name = "NAME=PATH")]
    allocator: Vec<String>,
    /// These alone, with commas between their names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// The library, libmetes.so.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Draws the CPU time and the memory into an SVG file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    chart: Option<PathBuf>,
    /// As JSON, with each run.
    #[arg(long)]
    json: bool,
    /// Leaves PROG's standard output where this one goes.
    #[arg(long, conflicts_with = "json")]
    output: bool,
    /// The program, and what it is given.
    #[arg(required = true, trailing_var_arg = true, value_name = "PROG ARGS", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// What a program did on an allocator.
#[derive(Serialize)]
struct Row {
    name: String,
    path: Option<PathBuf>,
    /// The runs that count.
    runs: Vec<Run>,
    /// Why others do not count, each reason once.
    failures: Vec<String>,
}

/// Runs the rounds, and prints the table.
pub fn run(args: &Args) -> Done {
    let path = program::find(&args.command[0]).map_err(|failure| failure.with_status(2))?;
    let allocators = allocators::find(args.library.as_deref(), &args.allocator, &args.only)?;
    let library = &crate::library::find(args.library.as_deref())?;
    if let Some(found) = program::obstacle(&program::image(&path), &library.elf) {
        return Err(Failure::about(path.display(), format!("{}; {}", found.what, found.advice)));
    }
    if let Some(path) = &args.chart {
        // Before the rounds, which may take an hour.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::metadata(folder).map_err(|error| Failure::of_system(path.display(), &error))?;
    }
    let chosen: Vec<_> =
        allocators.iter().filter(|one| args.only.is_empty() || args.only.contains(&one.name)).collect();
    let mut rows: Vec<_> = chosen.iter().map(|one| new_row(one)).collect();
    for _ in 0..args.rounds {
        for (allocator, row) in chosen.iter().zip(&mut rows) {
            match measure::run(&args.command, allocator, &allocators, args.output)? {
                Ok(run) => row.runs.push(run),
                Err(why) if row.failures.contains(&why) => {}
                Err(why) => row.failures.push(why),
            }
        }
    }
    if args.json {
        output::print_json(&rows)?;
    } else {
        output::print(table::table(&rows))?;
    }
    if let Some(path) = &args.chart {
        let title: Vec<_> = args.command.iter().map(|word| word.to_string_lossy()).collect();
        output::write_file(path, chart::chart(&title.join(" "), &rows).as_bytes())?;
    }
    Ok(if rows.iter().all(|row| row.failures.is_empty()) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn new_row(allocator: &Allocator) -> Row {
    Row { name: allocator.name.clone(), path: allocator.path.clone(), runs: Vec::new(), failures: Vec::new() }
}

impl Row {
    /// The median and the least of something, over the runs that count.
    fn middle_and_least(&self, of: fn(&Run) -> f64) -> Option<(f64, f64)> {
        let mut all: Vec<_> = self.runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        let least = *all.first()?;
        let half = all.len() / 2;
        let middle = if all.len().is_multiple_of(2) { f64::midpoint(all[half - 1], all[half]) } else { all[half] };
        Some((middle, least))
    }

    /// The median of something over that of the base.
    fn ratio(&self, base: Option<&Row>, of: fn(&Run) -> f64) -> Option<f64> {
        let (here, _) = self.middle_and_least(of)?;
        let (there, _) = base?.middle_and_least(of)?;
        (there > 0.0).then_some(here / there)
    }
}
