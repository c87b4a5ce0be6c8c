//! Heaps of a trace: it is replayed, and waits at each moment until its snapshot is taken.

use super::Args;
use crate::failure::Failure;
use crate::process::Process;
use crate::replay::plan::Moment;
use crate::replay::policy;
use crate::replay::prepare::{At, prepare};
use crate::replay::start::{Job, Watch, play};
use crate::snapshot::Snapshot;
use crate::text::{bytes, count};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What traces of each format begin with.
const MAGIC: &[u8] = b"metes trace";

/// Whether a word of the command line names a trace.
pub fn is_trace(what: &str) -> bool {
    let mut magic = [0; MAGIC.len()];
    what.parse::<u32>().is_err()
        && File::open(what).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == MAGIC
}

/// The heaps of all sets at each moment: by moment, and then in the order of the sets.
pub fn snapshots(args: &Args, at: &[At]) -> Result<Vec<Snapshot>, Failure> {
    let path = Path::new(&args.what);
    let metes = if args.set.is_empty() { &["metes".to_owned()][..] } else { &[] };
    let (policies, all) = policy::choose(args.library.as_deref(), &[], metes, &args.set)?;
    let prepared = prepare(path, at, false)?;
    let stops = prepared.moments(at);
    if let Some(&last) = stops.last() {
        prepared.check_memory(last, "only a moment before that can be drawn")?;
    }
    let mut by_set = Vec::new();
    for policy in &policies {
        let mut taker =
            Taker { stops: &stops, taken: Vec::new(), name: format!("{} on {}", prepared.name(), policy.name) };
        let (prepared, all, stops) = (&prepared, all.as_slice(), stops.as_slice());
        let job = Job { prepared, policy, all, touches: true, huge_pages: false, looks: &[], stops };
        if let Err(why) = play(&job, &mut taker)? {
            return Err(Failure::about(&policy.name, why));
        }
        by_set.push(taker.taken.into_iter());
    }
    let mut snapshots = Vec::new();
    for _ in &stops {
        snapshots.extend(by_set.iter_mut().filter_map(Iterator::next));
    }
    Ok(snapshots)
}

/// Takes a snapshot at each moment.
struct Taker<'a> {
    stops: &'a [Moment],
    taken: Vec<Snapshot>,
    name: String,
}

impl Watch for Taker<'_> {
    fn at(&mut self, _: u64) {}

    fn stopped(&mut self, process: &Process) -> Result<(), Failure> {
        let moment = self.stops.get(self.taken.len()).copied().unwrap_or_default();
        let mut snapshot = Snapshot::take(process)?;
        // It is nobody's process, and the plan is not the program's memory.
        snapshot.pid = 0;
        snapshot.maps.retain(|map| !is_of_the_replay(&map.name));
        snapshot.name = format!("{}, after {} calls, {} live", self.name, count(moment.call), bytes(moment.live));
        self.taken.push(snapshot);
        Ok(())
    }
}

/// Files without a name: the plan, the table of pointers, and what is shared with this process.
fn is_of_the_replay(name: &str) -> bool {
    name.ends_with(" (deleted)") && ["/#", "/dev/zero", "/memfd:metes replay"].iter().any(|part| name.contains(part))
}
