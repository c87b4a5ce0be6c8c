//! `metes snapshot PID FILE`: keeps the shape of a heap for later.

use crate::failure::Done;
use crate::output;
use crate::process::Process;
use crate::snapshot::Snapshot;
use crate::text::bytes;
use std::path::PathBuf;

/// Keeps the shape of a process's heap in a file, which metes stats and metes map read: what is where, and nothing of
/// what the program keeps in it.
#[derive(clap::Args)]
pub struct Args {
    /// The number of a process.
    pid: u32,
    /// The file, which must not be there yet.
    file: PathBuf,
}

/// Writes the file.
pub fn run(args: &Args) -> Done {
    let snapshot = Snapshot::take(&Process::open(args.pid)?)?;
    snapshot.save(&args.file)?;
    let len = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    output::print(format!(
        "{}: {} resident of {} ({}), {}\n",
        args.file.display(),
        bytes(snapshot.usage().rss),
        snapshot.name,
        args.pid,
        bytes(len)
    ))
}
