//! `metes profile PID | FILE | -- PROG`: who allocates what, from samples.

use crate::failure::{Done, Failure};
use crate::heap::source::Source;
use crate::output;
use crate::process::{Process, maps};
use crate::profile::attach::Attached;
use crate::profile::form::Form;
use crate::profile::kept::Kept;
use crate::profile::sites::Sites;
use crate::profile::{Profile, What, form, page, pins, read};
use crate::run::child::End;
use crate::run::on_metes::OnMetes;
use crate::settings;
use crate::signals::{self, Next};
use crate::snapshot::Snapshot;
use clap::ValueHint;
use metes::internals::{option_keys, profiling};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const AFTER: &str = "\
One allocated byte in RATE is sampled, at random, and stands for RATE bytes: sums are right in the mean, whatever the sizes \
are. A process that is attached to samples from then on, in all threads, until metes has what it wants or is interrupted; \
what it had before is not in the profile.

The file's name says what it is: .pb.gz for pprof, .svg for a flame graph, .folded for folded stacks, .json.

  metes profile 4711                          samples for 10 seconds: what is in use of what came since
  metes profile --for 60 -o p.pb.gz 4711      go tool pprof -http=: p.pb.gz
  metes profile -o flame.svg -- ./program     from the start of a program to its end
  metes profile --on-peak peak.prof -- ./program   and metes profile peak.prof, also if it was killed
  metes profile --fragmentation 4711          which calls hold pages that are free but for their blocks";

/// Says which calls allocate how much, from samples of a running process, a program, or a file.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The number of a process, or a file that was kept by --on-peak or the option profile_file.
    #[arg(value_name = "PID|FILE", required_unless_present = "command", conflicts_with = "command")]
    what: Option<String>,
    /// Bytes between two samples, in the mean; sizes may end in k, m or g.
    #[arg(long, default_value = "512k", value_name = "RATE")]
    rate: String,
    /// How many seconds a process is sampled.
    #[arg(long = "for", default_value_t = 10.0, value_name = "SECONDS")]
    seconds: f64,
    /// What is shown: of a process what is in use, of a program or a file what was in use at the peak.
    #[arg(long, value_enum)]
    show: Option<What>,
    /// Shows only what has come within the seconds, of a process that samples already.
    #[arg(long, requires = "what")]
    growth: bool,
    /// Says which calls hold pages of slabs that are free but for their blocks.
    #[arg(long, requires = "what", conflicts_with_all = ["output", "show", "growth"])]
    fragmentation: bool,
    /// Writes to a file instead: .pb.gz, .svg, .folded or .json.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Keeps the profile in a file, which must not be there yet, while the program runs: it outlives a kill.
    #[arg(long, value_name = "FILE", requires = "command", value_hint = ValueHint::FilePath)]
    on_peak: Option<PathBuf>,
    /// How many stacks the text has.
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    /// The library, libmetes.so.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
    /// The program, and what it is given.
    #[arg(last = true, value_name = "PROG ARGS", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// Samples, and shows.
pub fn run(args: &Args) -> Done {
    let rate = rate(&args.rate)?;
    if let Some(file) = &args.output {
        Form::of(file)?;
    }
    match &args.what {
        None => of_program(args),
        Some(what) => match what.parse() {
            Ok(pid) => of_process(args, pid, rate),
            Err(_) if args.growth || args.fragmentation => {
                Err(Failure::about(what, "only a running process can be asked for this"))
            }
            Err(_) => {
                let profile = read::of_file(Path::new(what))?;
                show(args, &profile, args.show.unwrap_or(What::Peak))
            }
        },
    }
}

/// Of a running process.
fn of_process(args: &Args, pid: u32, rate: u64) -> Done {
    if !args.seconds.is_finite() || args.seconds < 0.0 {
        return Err(Failure::about("--for", "is a number of seconds from 0 on"));
    }
    let process = Process::open(pid)?;
    let source = Source::find(&process, &maps::parse(&process.file("maps")?))?;
    // From here on no signal leaves the process sampling.
    signals::catch(Next::Waits);
    let attached = Attached::to(&process, &source, rate)?;
    let before = read::of_process(&process, &source)?.unwrap_or_default();
    wait(&process, &attached, Duration::try_from_secs_f64(args.seconds).unwrap_or(Duration::MAX))?;
    let snapshot = if args.fragmentation { Some(Snapshot::take_from(&process, &source)?) } else { None };
    let profile = read::of_process(&process, &source)?.ok_or_else(|| {
        let why = "it has not allocated enough for a sample: a longer time, or a smaller --rate; where blocks are checked \
                   (checks=full, debug=1) there are none";
        Failure::about(pid, why)
    })?;
    let is_fresh = !attached.was_on();
    drop(attached);
    if let Some(snapshot) = snapshot {
        return show_pins(args, &profile, &snapshot);
    }
    // An earlier profile's stacks are still there.
    let profile = if args.growth || is_fresh && before.samples != 0 { profile.since(&before) } else { profile };
    show(args, &profile, args.show.unwrap_or(What::InUse))
}

/// Waits for the time to pass, the process to end, or a signal.
fn wait(process: &Process, attached: &Attached<'_>, time: Duration) -> Result<(), Failure> {
    const STEP: Duration = Duration::from_millis(50);
    let begin = Instant::now();
    let mut steps = 0_u32;
    while begin.elapsed() < time && signals::caught().is_none() {
        std::thread::sleep(STEP.min(time.saturating_sub(begin.elapsed())));
        if !process.is_alive() {
            return Err(process.gone());
        }
        // At first soon: threads may have been at work on their tables.
        if steps < 4 && !attached.was_on() {
            attached.remind()?;
        }
        steps += 1;
    }
    Ok(())
}

/// Of a program, from its start to its end.
fn of_program(args: &Args) -> Done {
    let program = OnMetes::find(&args.command, args.library.as_deref())?;
    let kept = Kept::new(args.on_peak.as_deref())?;
    let options = kept.options(&args.rate);
    let end = program.run(&options)?;
    let mut profiles = kept.profiles()?;
    if let Some(profile) = profiles.pop() {
        show(args, &profile, args.show.unwrap_or(What::Peak))?;
        if !profiles.is_empty() {
            eprintln!("metes: {} other processes allocated less, and are not shown", profiles.len());
        }
    } else {
        eprintln!("metes: {}: it has not allocated enough for a sample: try a smaller --rate", program.path.display());
    }
    drop(kept);
    match end {
        End::Status(0) => Ok(ExitCode::SUCCESS),
        end => Ok(end.follow()),
    }
}

/// Writes a profile in the form that is asked for.
fn show(args: &Args, profile: &Profile, what: What) -> Done {
    let mut sites = Sites::of(profile, &args.debug_dir);
    let Some(file) = &args.output else {
        return output::print(page::text(profile, &mut sites, what, args.top));
    };
    output::print(form::write(file, profile, &mut sites, what)?)
}

fn show_pins(args: &Args, profile: &Profile, snapshot: &Snapshot) -> Done {
    let page = crate::process::page_size();
    let is_resident = |at: u64| snapshot.residency.bytes(at, at + page) == page;
    let (held, free) = pins::pins(profile, &snapshot.heap, page, &is_resident);
    let mut sites = Sites::of(profile, &args.debug_dir);
    output::print(page::pins(profile, &mut sites, &held, free, args.top))
}

/// The bytes of a rate such as 512k, as the library reads it.
fn rate(text: &str) -> Result<u64, Failure> {
    settings::check(&format!("profile={text}"))?;
    let rate = profiling::read(text, option_keys::size).filter(|&rate| rate != 0);
    rate.map(|rate| rate as u64).ok_or_else(|| Failure::about("--rate", "off takes no samples"))
}
