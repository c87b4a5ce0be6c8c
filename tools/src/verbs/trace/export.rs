//! `metes trace export FILE -o OUT`: a trace in another format, which the name of OUT says.

use super::info;
use super::window::Window;
use crate::failure::{Done, Failure};
use crate::output;
use crate::profile::{What, flame, pprof};
use crate::text::{bytes, count};
use crate::trace::export::{csv, heaptrack};
use crate::trace::read::Trace;
use clap::ValueHint;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const AFTER: &str = "\
The end of OUT's name says the format:
  .pb.gz           a profile for go tool pprof, with exact amounts, and the symbols and build ids inside
  .svg, .folded    a flame graph, and the stacks that one is made of
  .csv             a line for each call
  .zst or .gz      heaptrack's, for heaptrack_print and heaptrack_gui

  metes trace export py.trace -o heaptrack.py.zst && heaptrack_print heaptrack.py.zst";

/// Writes a trace in another format.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The trace, or a raw file.
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The file to be made. One of calls, .csv and heaptrack's, must not be there yet.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// What flame graphs show, and pprof at first.
    #[arg(long, value_enum, default_value = "peak")]
    show: What,
    #[command(flatten)]
    window: Window,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
}

/// What a file is to be.
#[derive(Clone, Copy)]
enum Form {
    Pprof,
    Flame,
    Folded,
    Csv,
    HeaptrackZst,
    HeaptrackGz,
}

impl Form {
    fn of(file: &Path) -> Result<Self, Failure> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let forms = [
            (".pb.gz", Self::Pprof),
            (".svg", Self::Flame),
            (".folded", Self::Folded),
            (".csv", Self::Csv),
            (".zst", Self::HeaptrackZst),
            (".gz", Self::HeaptrackGz),
        ];
        let found = forms.into_iter().find(|(end, _)| name.ends_with(end));
        found.map(|(_, form)| form).ok_or_else(|| {
            let why = "its name says no format: valid ends are .pb.gz, .svg, .folded, .csv, .zst and .gz";
            Failure::about(file.display(), why)
        })
    }
}

/// Writes it.
pub fn run(args: &Args) -> Done {
    let form = Form::of(&args.output)?;
    let trace = Trace::open(&args.file)?;
    match form {
        Form::Pprof | Form::Flame | Form::Folded => profile(args, &trace, form)?,
        Form::Csv | Form::HeaptrackZst | Form::HeaptrackGz => calls(args, &trace, form)?,
    }
    let len = fs::metadata(&args.output).map_or(0, |found| found.len());
    output::print(format!("{}: {}\n", args.output.display(), bytes(len)))
}

fn profile(args: &Args, trace: &Trace, form: Form) -> Result<(), Failure> {
    let process = trace.process();
    if process.frames == 0 {
        return Err(Failure::about(args.file.display(), "has no stacks, of which a profile would be made"));
    }
    let survey = info::survey(trace, &args.window)?;
    let profile = survey.profile(process.pid, |stack| trace.stack(stack).to_vec(), process.frames);
    let mut sites = trace.sites(&args.debug_dir);
    let title = format!("{} {}, {} calls", process.program, args.show.words(), count(survey.events));
    let bytes = match form {
        Form::Flame => flame::picture(&profile, &mut sites, args.show, &title)?,
        Form::Folded => (flame::folded(&profile, &mut sites, args.show).join("\n") + "\n").into_bytes(),
        _ => pprof::pprof(&profile, &mut sites, args.show)?,
    };
    output::write_file(&args.output, &bytes)
}

fn calls(args: &Args, trace: &Trace, form: Form) -> Result<(), Failure> {
    let mut events = args.window.events(trace)?;
    let failed = |error: &io::Error| Failure::of_system(args.output.display(), error);
    let file = BufWriter::new(File::create_new(&args.output).map_err(|error| failed(&error))?);
    let mut sites = trace.sites(&args.debug_dir);
    let mut write = |out: &mut dyn Write| match form {
        Form::Csv => csv::write(events.by_ref(), out),
        _ => heaptrack::write(trace, &mut sites, events.by_ref(), out),
    };
    let written = match form {
        Form::HeaptrackZst => zstd::Encoder::new(file, 3).and_then(|mut out| {
            write(&mut out)?;
            out.finish()
        }),
        Form::HeaptrackGz => {
            let mut out = GzEncoder::new(file, flate2::Compression::default());
            write(&mut out).and_then(|()| out.finish())
        }
        _ => {
            let mut out = file;
            write(&mut out).map(|()| out)
        }
    };
    written.and_then(|mut file| file.flush()).map_err(|error| {
        // A part of one would be taken for all of it.
        let _ = fs::remove_file(&args.output);
        failed(&error)
    })
}
