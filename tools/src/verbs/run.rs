//! `metes run -- PROG ARGS`: a program on metes, with its reports symbolised as they come.

use crate::failure::{Done, Failure};
use crate::library::{self, Library};
use crate::profile::form::{self, Form};
use crate::profile::kept::Kept;
use crate::profile::sites::Sites;
use crate::profile::{What, page};
use crate::program;
use crate::run::child::{End, Signals};
use crate::run::follow::Follower;
use crate::run::scratch::Scratch;
use crate::settings;
use crate::symbols::Symbols;
use crate::text::{bytes, count};
use crate::trace::recorder::{self, Made, Recorder, Target};
use clap::ValueHint;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How many frames of a stack are recorded if nobody says.
pub const STACKS: u32 = 16;

const AFTER: &str = "\
Reports have function, source file and line behind each frame. They go to standard error, or to the file of --report. \
The programs that PROG starts run on metes too, and their reports come the same way. What a process reports that \
outlives PROG, or that cannot reach the file (after chroot, or as another user), goes to its standard error as it is.

METES_OPTIONS is kept, and what is said here comes after it. If report= is set there or by -o, reports go to that file, \
as they are. LD_PRELOAD is kept, and metes is put in front.

Signals are passed on to PROG. The exit status is PROG's, and a signal that ends PROG ends metes as well; 127 if PROG \
is not found, 126 if it cannot be run, 2 if metes cannot do what is asked.

  metes run -- ./server --port 80
  metes run --checks full --stats -- python3 script.py
  metes run --leaks --report leaks.txt -- ./program
  metes run --profile flame.svg -- ./program";

/// Runs a program on metes, and says where in the source its heap bugs are.
#[derive(clap::Args, Default)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// Statistics at exit, of each process.
    #[arg(long)]
    pub stats: bool,
    /// What is checked: full, default or off.
    #[arg(long, value_name = "LEVEL", value_parser = ["full", "default", "off"])]
    pub checks: Option<String>,
    /// Full checks, and the stacks of each block's allocation and free.
    #[arg(long)]
    pub debug: bool,
    /// Leaks at exit, with the stacks of their allocations.
    #[arg(long)]
    pub leaks: bool,
    /// Samples what is allocated, and says so at the end; or writes it to a file: .pb.gz, .svg, .folded or .json.
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_hint = ValueHint::FilePath)]
    pub profile: Option<Option<PathBuf>>,
    /// Guards one in N small allocations by pages of its own; or on, or off.
    #[arg(long, value_name = "N")]
    pub guard: Option<String>,
    /// Records each allocation call in a file, which must not be there yet, for `metes trace` and `metes replay`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    /// How many frames of each call's stack are recorded; 0 for none.
    #[arg(long, value_name = "N", default_value_t = STACKS, requires = "trace", value_parser = clap::value_parser!(u32).range(..=64))]
    pub trace_stacks: u32,
    /// An option of the library; `metes options` has the table.
    #[arg(short, value_name = "KEY=VALUE")]
    pub options: Vec<String>,
    /// The library, libmetes.so; or none, for a program that metes is linked into.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    /// Leaves the frames of reports as they are.
    #[arg(long)]
    pub no_symbols: bool,
    /// Adds reports and statistics to a file, instead of standard error.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub debug_dir: Vec<PathBuf>,
    /// The program, and what it is given.
    #[arg(required = true, trailing_var_arg = true, value_name = "PROG ARGS", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// Runs it, and ends as it ends.
pub fn run(args: &Args) -> Done {
    if let Some(Some(file)) = &args.profile {
        Form::of(file)?;
    }
    let kept = args.profile.as_ref().map(|_| Kept::new(None)).transpose()?;
    let chosen = chosen(args, kept.as_ref())?;
    let options = |more: &str| {
        let before = env::var("METES_OPTIONS").unwrap_or_default();
        let texts = [before.as_str(), chosen.as_str(), more].into_iter().filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join(",")
    };
    if args.report.is_some() && settings::value(&chosen, "report").is_some() {
        return Err(Failure::about("--report", "contradicts -o report="));
    }
    let path = program::find(&args.command[0])?;
    let library = library_for(args, &path)?;
    let mut command = Command::new(&args.command[0]);
    command.args(&args.command[1..]);
    if let Some(library) = &library {
        command.env("LD_PRELOAD", library.preload());
    }
    // A file that somebody has named for the reports gets them as they are.
    let is_named = settings::value(&options(""), "report").is_some() && args.report.is_none();
    let follows = !args.no_symbols && !is_named;
    let out = args.report.as_deref().map(open_report).transpose()?;
    let scratch = match args.trace {
        Some(_) => Some(Scratch::for_much()?),
        None if follows => Some(Scratch::new()?),
        None => None,
    };
    let mut more = Vec::new();
    match &scratch {
        Some(scratch) if follows => {
            more.push(format!("report={}", scratch.path().display()));
            if settings::value(&options(""), "stats_file").is_none() {
                more.push(format!("stats_file={}", scratch.path().display()));
            }
        }
        _ => more.extend(args.report.as_deref().map(plain_report).transpose()?),
    }
    let target = args.trace.as_deref().map(Target::new).transpose()?;
    if let (Some(scratch), true) = (&scratch, target.is_some()) {
        more.push(recorder::options(scratch.directory(), args.trace_stacks));
    }
    command.env("METES_OPTIONS", options(&more.join(",")));
    // From here on no signal ends this process before its child has ended.
    let signals = Signals::take();
    let follower = scratch.as_ref().filter(|_| follows).map(|scratch| {
        let out: Box<dyn Write + Send> = match out {
            Some(file) => Box::new(file),
            None => Box::new(io::stderr()),
        };
        Follower::start(&scratch.file, &scratch.path(), out, Symbols::new(&args.debug_dir))
    });
    let follower = follower.transpose().map_err(|error| Failure::of_system("reports", &error))?;
    let started = signals.start(&mut command);
    let recorder = match (target, &started, &scratch) {
        (Some(target), Ok(child), Some(scratch)) => {
            Some(Recorder::start(target, scratch.directory().to_path_buf(), child.pid(), &args.debug_dir))
        }
        _ => None,
    };
    let ended = started.map(|child| child.wait());
    let passed_on = follower.map_or(Ok(()), Follower::finish);
    let recorder = recorder.transpose().map_err(|error| Failure::of_system("trace", &error))?;
    let made = recorder.map(Recorder::finish);
    drop(scratch);
    let end = ended.map_err(|error| cannot_start(args, &error))?;
    let mut failed = made.and_then(|made| tell(args, made));
    if let Err(error) = passed_on {
        let place = args.report.as_deref().map_or("standard error".into(), |path| path.display().to_string());
        failed = Some(Failure::of_system(place, &error).tell());
    }
    let done = finish(args, kept, end);
    match (failed, done) {
        (Some(status), Ok(_)) if end == End::Status(0) => Ok(status),
        (_, done) => done,
    }
}

/// Says which traces were made; a status if one is not all there.
fn tell(args: &Args, made: Vec<Made>) -> Option<ExitCode> {
    /// So many are named.
    const NAMED: usize = 4;
    if made.is_empty() {
        let path = args.trace.as_deref().unwrap_or(Path::new("")).display();
        return Some(
            Failure::about(path, "nothing was recorded: the program has allocated nothing, or not run on metes").tell(),
        );
    }
    let mut failed = None;
    let more = made.len().saturating_sub(NAMED);
    for (place, Made { path, result }) in made.into_iter().enumerate() {
        match result {
            Ok(packing) if place < NAMED => {
                eprintln!("metes: {}: {} calls, {}", path.display(), count(packing.events), bytes(packing.bytes));
            }
            Ok(_) => {}
            Err(failure) => failed = Some(failure.tell()),
        }
    }
    if more != 0 {
        eprintln!("metes: and {more} traces more, of its children");
    }
    failed
}

/// Shows the profile, if there is to be one, and ends as the program has ended.
fn finish(args: &Args, kept: Option<Kept>, end: End) -> Done {
    let shown = kept.as_ref().map_or(Ok(()), |kept| show_profile(args, kept));
    drop(kept);
    match (shown, end) {
        (Err(failure), End::Status(0)) => Err(failure),
        (Err(failure), end) => {
            let _ = failure.tell();
            Ok(end.follow())
        }
        (Ok(()), end) => Ok(end.follow()),
    }
}

/// Standard output is the program's, so what is said goes to standard error.
fn show_profile(args: &Args, kept: &Kept) -> Result<(), Failure> {
    /// How many stacks the text has.
    const TOP: usize = 10;
    let profiles = kept.profiles()?;
    let Some(profile) = profiles.last() else {
        let program = args.command[0].display();
        eprintln!("metes: {program}: it has not allocated enough for a sample: try -o profile=16k");
        return Ok(());
    };
    let mut sites = Sites::of(profile, &args.debug_dir);
    let text = match args.profile.iter().flatten().next() {
        Some(file) => form::write(file, profile, &mut sites, What::Peak)?,
        None => page::text(profile, &mut sites, What::Peak, TOP),
    };
    eprint!("{text}");
    if profiles.len() > 1 {
        eprintln!("metes: {} other processes allocated less, and are not shown", profiles.len() - 1);
    }
    Ok(())
}

/// The options of the command line, of which the library takes each.
fn chosen(args: &Args, kept: Option<&Kept>) -> Result<String, Failure> {
    let mut chosen = Vec::new();
    let mut choose = |text: String| chosen.push(text);
    if args.stats {
        choose("stats=exit".to_owned());
    }
    args.checks.iter().for_each(|level| choose(format!("checks={level}")));
    if args.debug {
        choose("debug=1".to_owned());
    }
    if args.leaks {
        choose("leaks=exit".to_owned());
    }
    args.guard.iter().for_each(|rate| choose(format!("guard={rate}")));
    kept.into_iter().for_each(|kept| choose(kept.options("on")));
    args.options.iter().for_each(|option| choose(option.clone()));
    let chosen = chosen.join(",");
    settings::check(&chosen)?;
    Ok(chosen)
}

/// The library, if the program takes it; `None` if none is wanted.
fn library_for(args: &Args, program: &Path) -> Result<Option<Library>, Failure> {
    if args.library.as_deref() == Some(Path::new("none")) {
        return Ok(None);
    }
    let library = library::find(args.library.as_deref())?;
    let image = program::image(program);
    match program::obstacle(&image, &library.elf) {
        None => Ok(Some(library)),
        // It runs on metes as it is.
        Some(_) if image.elf.as_ref().is_some_and(|elf| elf.interpreter.is_none() && elf.has("metes_version")) => {
            Ok(None)
        }
        Some(found) => Err(Failure::about(image.path.display(), format!("{}; {}", found.what, found.advice))),
    }
}

fn open_report(path: &Path) -> Result<File, Failure> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| Failure::of_system(path.display(), &error))
}

/// The options by which the library itself writes to a file.
fn plain_report(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::of_system(path.display(), &error))?;
    let text = path.to_str().filter(|text| !text.contains([',', '%'])).unwrap_or_default();
    let option = format!("report={text}");
    settings::check(&option).map_err(|_| Failure::about(path.display(), "the library takes no such path"))?;
    Ok(format!("{option},stats_file={text}"))
}

fn cannot_start(args: &Args, error: &io::Error) -> Failure {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let status = if is_missing { program::NOT_FOUND } else { program::NOT_EXECUTABLE };
    Failure::of_system(args.command[0].display(), error).with_status(status)
}
