//! `metes replay TRACE`: the calls of a trace, made anew on each allocator, and what they took.

mod chart;
mod progress;
mod table;

use crate::allocators::Allocator;
use crate::failure::{Done, Failure};
use crate::output;
use crate::replay::plan::{MOMENTS, Moment};
use crate::replay::policy::{self, Policy};
use crate::replay::prepare::{Prepared, prepare};
use crate::replay::start::{Job, Outcome, play};
use clap::ValueHint;
use progress::Progress;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const AFTER: &str = "\
Each round makes the calls of TRACE once on each allocator, in a process that does nothing else: the same calls in the \
same order, each by the thread that made it in the program. Time is that of the calls and of the first write to each \
page of a block, without what threads wait for each other. Memory is what is resident and anonymous, in a round of its \
own: the peak is the most at those moments of 200 parts of the trace when most is live.

metes runs with decay_ms so long that nothing is given back because time passes; --set L:purge=eager gives back at \
once. With --set, only these sets run, and what --only and --allocator name.

  metes replay server.trace
  metes replay --set first:fit=first --set worst:fit=worst --only metes server.trace
  metes replay --chart replay.svg --rounds 9 --only glibc,metes server.trace";

/// Makes the calls of a trace anew on each allocator: time, memory, fragmentation.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// Another allocator, as NAME=PATH of its shared library.
    #[arg(long, value_name = "NAME=PATH")]
    allocator: Vec<String>,
    /// These alone, with commas between their names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// metes with these options, such as worst:fit=worst or lean:slabs=off,purge=eager.
    #[arg(long, value_name = "LABEL:KEY=VALUE,...")]
    set: Vec<String>,
    /// Makes all calls in one thread.
    #[arg(long)]
    one_thread: bool,
    /// Whether each page of a block is written to.
    #[arg(long, value_name = "WHICH", value_parser = ["all", "none"], default_value = "all")]
    touch: String,
    /// Lets the system give huge pages, which it may do in one round and not in the next.
    #[arg(long)]
    huge_pages: bool,
    /// How often each is timed.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// The library, libmetes.so.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Draws time, peak, and memory over the calls into an SVG file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    chart: Option<PathBuf>,
    /// As JSON, with each round and each moment.
    #[arg(long)]
    json: bool,
    /// The traces.
    #[arg(required = true, value_name = "TRACE", value_hint = ValueHint::FilePath)]
    traces: Vec<PathBuf>,
}

/// What became of a trace.
#[derive(Serialize)]
struct Played {
    /// The file.
    trace: PathBuf,
    /// Calls that were made.
    calls: u64,
    /// Calls that were left out, as they failed, or gave back what is not in the trace.
    left_out: u64,
    /// Threads that made them.
    threads: usize,
    /// Times that another thread went on.
    turns: u64,
    /// The most bytes that were live, as they were asked for.
    live_peak: u64,
    /// After which call that was.
    live_peak_at: u64,
    /// Of each moment: calls, nanoseconds of the trace, and bytes that were live.
    moments: Vec<[u64; 3]>,
    /// What became of it on each policy.
    rows: Vec<Row>,
}

/// What became of a trace on a policy.
#[derive(Serialize)]
struct Row {
    name: String,
    path: Option<PathBuf>,
    /// METES_OPTIONS.
    options: Option<String>,
    /// The rounds that count.
    rounds: Vec<Round>,
    /// The most bytes that were resident.
    peak: u64,
    /// The bytes that were resident behind the last call.
    end: u64,
    /// Bytes that were resident at each moment.
    resident: Vec<u64>,
    /// What metes says behind the last call: bytes of address space, and the most that it has handed out.
    metes: Option<[u64; 2]>,
    /// Why it does not count.
    failure: Option<String>,
}

/// What a round took.
#[derive(Serialize, Clone, Copy)]
struct Round {
    /// Nanoseconds of the calls.
    nanoseconds: u64,
    /// Nanoseconds of CPU time of the whole process.
    cpu_nanoseconds: u64,
    /// Page faults.
    faults: u64,
}

/// Replays all, and prints the tables.
pub fn run(args: &Args) -> Done {
    let (policies, all) = policy::choose(args.library.as_deref(), &args.allocator, &args.only, &args.set)?;
    if let Some(path) = &args.chart {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::metadata(folder).map_err(|error| Failure::of_system(path.display(), &error))?;
    }
    let mut played = Vec::new();
    for path in &args.traces {
        let prepared = prepare(path, &[], args.one_thread)?;
        if args.touch == "all" {
            prepared.check_memory(prepared.plan.end, "--touch none writes to no block")?;
        }
        played.push(replay(args, &prepared, &policies, &all)?);
    }
    if args.json {
        output::print_json(&played)?;
    } else {
        output::print(played.iter().map(table::table).collect::<Vec<_>>().join("\n"))?;
    }
    if let Some(path) = &args.chart {
        output::write_file(path, chart::chart(&played).as_bytes())?;
    }
    let counts = played.iter().flat_map(|played| &played.rows).all(|row| row.failure.is_none());
    Ok(if counts { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn replay(args: &Args, prepared: &Prepared, policies: &[Policy], all: &[Allocator]) -> Result<Played, Failure> {
    let plan = &prepared.plan;
    // Also before the first call, and behind the last.
    let mut looks = vec![Moment { op: 1, ..Moment::default() }];
    looks.extend(&plan.moments);
    looks.push(plan.end);
    let mut rows: Vec<_> = policies.iter().map(Row::new).collect();
    let rounds = args.rounds as usize + 1;
    let mut progress = Progress::new(&prepared.name(), plan.ops * (rounds * policies.len()) as u64);
    for round in 0..rounds {
        for (policy, row) in policies.iter().zip(&mut rows).filter(|(_, row)| row.failure.is_none()) {
            let looks = if round == 0 { looks.as_slice() } else { &[] };
            let (touches, huge_pages) = (args.touch == "all", args.huge_pages);
            let job = Job { prepared, policy, all, touches, huge_pages, looks, stops: &[] };
            progress.next(&policy.name, plan.ops);
            match play(&job, &mut progress)? {
                Ok(outcome) => row.add(outcome, round == 0),
                Err(why) => row.failure = Some(why),
            }
        }
    }
    progress.end();
    let peak = plan.peak();
    Ok(Played {
        trace: prepared.path.clone(),
        calls: plan.calls,
        left_out: plan.left_out,
        threads: prepared.threads,
        turns: plan.turns,
        live_peak: peak.live,
        live_peak_at: peak.call,
        moments: looks.iter().map(|moment| [moment.call, moment.at, moment.live]).collect(),
        rows,
    })
}

impl Row {
    fn new(policy: &Policy) -> Self {
        Self {
            name: policy.name.clone(),
            path: policy.allocator.path.clone(),
            options: policy.options.clone(),
            rounds: Vec::new(),
            peak: 0,
            end: 0,
            resident: Vec::new(),
            metes: None,
            failure: None,
        }
    }

    fn add(&mut self, outcome: Outcome, is_looked_at: bool) {
        if is_looked_at {
            self.peak = outcome.resident.iter().copied().max().unwrap_or(0);
            self.end = outcome.resident.last().copied().unwrap_or(0);
            self.metes = self.options.is_some().then_some(outcome.metes);
            self.resident = outcome.resident;
        } else {
            let Outcome { time, cpu, faults, .. } = outcome;
            self.rounds.push(Round { nanoseconds: time, cpu_nanoseconds: cpu, faults });
        }
    }

    /// Whether there is something to show.
    fn counts(&self) -> bool {
        self.failure.is_none() && !self.rounds.is_empty()
    }

    /// The median of something over the rounds.
    fn middle(&self, of: fn(&Round) -> u64) -> u64 {
        let mut all: Vec<_> = self.rounds.iter().map(of).collect();
        all.sort_unstable();
        let half = all.len() / 2;
        match all.len() {
            0 => 0,
            len if len.is_multiple_of(2) => u64::midpoint(all[half - 1], all[half]),
            _ => all[half],
        }
    }
}

const _: () = assert!(MOMENTS == 200, "the help says so");
