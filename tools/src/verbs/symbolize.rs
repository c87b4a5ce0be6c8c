//! `metes symbolize [FILE]...`: reports with function, source file and line behind each frame.

use crate::failure::{Done, Failure};
use crate::output;
use crate::symbols::{Symbols, report};
use clap::ValueHint;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const AFTER: &str = "\
    metes:     #0 0x55d0c0de1139 /home/me/program+0x1139
    metes:            work at /home/me/program.c:12

Writes all that it reads. Inlined functions have lines of their own, innermost first. A frame of a module that is gone, \
or that has no symbols, gets no line. Debug information that stands apart is found by the module's build id or its \
debug link, in /usr/lib/debug and beside the module.

  ./server 2>&1 | metes symbolize
  metes symbolize reports.txt";

const STANDARD_INPUT: &str = "standard input";
/// What is longer than any line of a report passes in pieces.
const LONGEST: u64 = 1 << 16;

/// Adds functions, source files and lines to the frames of reports.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// Files with reports; standard input without one, or for -.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
}

/// Reads the files in their order, and writes them with what was found.
pub fn run(args: &Args) -> Done {
    let mut symbols = Symbols::new(&args.debug_dir);
    let mut out = BufWriter::new(io::stdout().lock());
    let input = [PathBuf::from("-")];
    for path in if args.files.is_empty() { &input[..] } else { &args.files } {
        let (name, reader): (_, Box<dyn BufRead>) = if path == Path::new("-") {
            (STANDARD_INPUT.to_owned(), Box::new(io::stdin().lock()))
        } else {
            let file = File::open(path).map_err(|error| Failure::of_system(path.display(), &error))?;
            (path.display().to_string(), Box::new(BufReader::new(file)))
        };
        copy(reader, &mut symbols, &mut out, &name)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn copy(mut from: Box<dyn BufRead>, symbols: &mut Symbols, out: &mut dyn Write, name: &str) -> Result<(), Failure> {
    // Somebody may be waiting for the lines of a program that still runs.
    let is_live = name == STANDARD_INPUT;
    let (mut line, mut text) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        text.clear();
        let count = from
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::of_system(name, &error))?;
        if count == 0 {
            break;
        }
        if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
            text.extend_from_slice(&line);
        } else {
            report::annotate(symbols, &line, &mut text);
        }
        out.write_all(&text).map_err(|error| output::lost(&error))?;
        if is_live {
            out.flush().map_err(|error| output::lost(&error))?;
        }
    }
    out.flush().map_err(|error| output::lost(&error))
}
