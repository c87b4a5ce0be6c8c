//! `metes map PID|FILE`: a heap as a picture. FILE is a snapshot, or a trace, which is replayed to a moment.

mod replayed;

use crate::failure::{Done, Failure};
use crate::heap::walk::Range;
use crate::output;
use crate::picture::scene::Scene;
use crate::picture::{overview, png, sheet, svg, zoom};
use crate::process::Process;
use crate::replay::prepare::At;
use crate::snapshot::Snapshot;
use crate::text::bytes;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Draws a heap: what is on its pages, and which of them are resident.
#[derive(clap::Args)]
pub struct Args {
    /// The number of a process, a file that metes snapshot has made, or a trace.
    #[arg(value_name = "PID|FILE")]
    what: String,
    /// The picture: a name that ends in .svg or .png; without it an SVG goes to standard output.
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrites the picture if it is there.
    #[arg(long)]
    force: bool,
    /// A PNG on dark paper; an SVG is on the paper that its reader prefers.
    #[arg(long)]
    dark: bool,
    /// Only one region, by its place among all: 0 is the first.
    #[arg(long, value_name = "N", conflicts_with = "range")]
    region: Option<usize>,
    /// Only a range of addresses, such as 7f0000200000-7f0000210000.
    #[arg(long, value_name = "A-B", value_parser = range)]
    range: Option<Range>,
    /// So many moments, on one sheet; of a trace, moments in equal steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=24), conflicts_with_all = ["region", "range", "beside"])]
    film: Option<u32>,
    /// The moments of a film one after the other, as an animation: a PNG that moves.
    #[arg(long, requires = "film")]
    animate: bool,
    /// Of a trace, the moment: such as 50% of its calls, or peak, when most is live.
    #[arg(long, value_name = "MOMENT", value_parser = At::parse, conflicts_with = "film")]
    at: Option<At>,
    /// Of a trace, options of metes, such as worst:fit=worst. Several are drawn beside each other.
    #[arg(long, value_name = "LABEL:KEY=VALUE,...")]
    set: Vec<String>,
    /// Of a trace, the library, libmetes.so.
    #[arg(long, value_name = "PATH")]
    library: Option<PathBuf>,
    /// Seconds between the moments of a film.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    every: f64,
    /// Another process or file, which is drawn beside it.
    #[arg(long, value_name = "PID|FILE", conflicts_with_all = ["region", "range"])]
    beside: Option<String>,
}

/// No larger range is drawn byte by byte.
const LARGEST: u64 = 1 << 40;

fn range(text: &str) -> Result<Range, String> {
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let ends = text.split_once('-').and_then(|(start, end)| Some((hex(start)?, hex(end)?)));
    let known = ends.filter(|(start, end)| start < end && end - start <= LARGEST);
    known
        .map(|(start, end)| Range::of(start, end))
        .ok_or_else(|| "valid are two addresses, such as 7f0000200000-7f0000210000".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if (0.0..=3600.0).contains(&value) { Ok(value) } else { Err("valid are 0 to 3600 seconds".into()) }
}

/// What is drawn.
enum Drawn {
    /// One picture.
    Still(Scene),
    /// Pictures one after the other.
    Moving(Vec<Scene>),
}

/// Milliseconds of a picture of an animation.
const MILLISECONDS: u16 = 600;

/// Writes the picture.
pub fn run(args: &Args) -> Done {
    let is_png = match args.output.as_deref().map(|path| path.extension().and_then(|end| end.to_str())) {
        None | Some(Some("svg")) => false,
        Some(Some("png")) => true,
        _ => return Err(Failure::about(shown(args), "a picture's name ends in .svg or .png")),
    };
    if args.animate && !is_png {
        return Err(Failure::about(shown(args), "an animation is a PNG: name a file that ends in .png with -o"));
    }
    if let Some(path) = args.output.as_deref().filter(|path| path.exists() && !args.force) {
        return Err(Failure::about(path.display(), "this file is there already: --force overwrites it"));
    }
    let (drawn, about) = draw(args)?;
    let packed = match &drawn {
        Drawn::Still(scene) if is_png => png::write(scene, args.dark),
        Drawn::Still(scene) => Ok(svg::write(scene).into_bytes()),
        Drawn::Moving(scenes) => png::write_animation(scenes, args.dark, MILLISECONDS),
    };
    let bytes_of = packed.map_err(|error| Failure::about(shown(args), error))?;
    let Some(path) = &args.output else {
        if io::stdout().is_terminal() {
            return Err(Failure::about("standard output", "this is a terminal: name a file with -o"));
        }
        return output::print(bytes_of);
    };
    output::write_file(path, &bytes_of)?;
    output::print(format!("{}: {about}, {}\n", path.display(), bytes(bytes_of.len() as u64)))
}

fn shown(args: &Args) -> String {
    args.output.as_deref().map_or_else(|| "standard output".into(), |path| path.display().to_string())
}

fn draw(args: &Args) -> Result<(Drawn, String), Failure> {
    if replayed::is_trace(&args.what) {
        return of_trace(args);
    }
    if args.at.is_some() || !args.set.is_empty() {
        return Err(Failure::about(&args.what, "--at and --set need a trace"));
    }
    if let Some(moments) = args.film {
        let taken = film(args, moments)?;
        let about = format!("{} moments", taken.len());
        return Ok((several(args, &taken, 1), about));
    }
    let snapshot = Snapshot::of(&args.what)?;
    if let Some(other) = &args.beside {
        let both = [snapshot, Snapshot::of(other)?];
        return Ok((Drawn::Still(sheet::scene(&both, 2)), "two heaps".into()));
    }
    one(args, &snapshot)
}

/// Of a trace that is replayed, on each set of options.
fn of_trace(args: &Args) -> Result<(Drawn, String), Failure> {
    if args.beside.is_some() {
        return Err(Failure::about(&args.what, "what is drawn beside a trace is another --set"));
    }
    let moments = match args.film {
        Some(count) => (1..=u64::from(count)).map(|number| At::Share(1000 * number / u64::from(count))).collect(),
        None => vec![args.at.unwrap_or(At::Peak)],
    };
    let taken = replayed::snapshots(args, &moments)?;
    let columns = args.set.len().max(1);
    if args.film.is_none() && columns == 1 {
        return taken
            .first()
            .map_or_else(|| Err(Failure::about(&args.what, "came to no moment")), |only| one(args, only));
    }
    let about = match (args.film, columns) {
        (Some(count), 1) => format!("{count} moments"),
        (Some(count), _) => format!("{count} moments of {columns} heaps"),
        (None, _) => format!("{columns} heaps"),
    };
    Ok((several(args, &taken, columns), about))
}

/// Several snapshots, of which so many belong beside each other.
fn several(args: &Args, taken: &[Snapshot], columns: usize) -> Drawn {
    if args.animate {
        return Drawn::Moving(sheet::frames(taken, columns));
    }
    Drawn::Still(sheet::scene(taken, if columns == 1 { sheet::COLUMNS } else { columns }))
}

/// Moments of a process.
fn film(args: &Args, moments: u32) -> Result<Vec<Snapshot>, Failure> {
    let pid = args.what.parse();
    let pid = pid.map_err(|_| Failure::about(&args.what, "a film needs the number of a process, or a trace"))?;
    let process = Process::open(pid)?;
    let mut taken = vec![Snapshot::take(&process)?];
    for _ in 1..moments {
        thread::sleep(Duration::from_secs_f64(args.every));
        match Snapshot::take(&process) {
            Ok(snapshot) => taken.push(snapshot),
            // What there is of it.
            Err(_) if !process.is_alive() => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(taken)
}

/// A snapshot, or a part of it.
fn one(args: &Args, snapshot: &Snapshot) -> Result<(Drawn, String), Failure> {
    let regions = &snapshot.heap.regions;
    let zoomed = match (args.region, args.range) {
        (Some(index), _) => {
            let region = regions.get(index).ok_or_else(|| {
                Failure::about(format!("region {index}"), format!("there is none; there are {}", regions.len()))
            })?;
            Some(region.range)
        }
        (None, range) => range,
    };
    Ok(match zoomed {
        Some(range) => (Drawn::Still(zoom::scene(snapshot, range)), bytes(range.len)),
        None => {
            let usage = snapshot.usage();
            let about = format!("{} resident", bytes(usage.rss));
            (Drawn::Still(overview::scene(snapshot, &usage, overview::Style::WHOLE)), about)
        }
    })
}
