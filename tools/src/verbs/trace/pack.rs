//! `metes trace pack RAW FILE`: a trace of a raw file.

use crate::failure::{Done, Failure};
use crate::input;
use crate::output;
use crate::text::{bytes, count};
use crate::trace::pack::Packer;
use crate::trace::raw::Raw;
use clap::ValueHint;
use std::fs::{self, File};
use std::path::PathBuf;

/// Makes a trace of a raw file, which METES_OPTIONS=trace=PATH has made.
#[derive(clap::Args)]
pub struct Args {
    /// The raw file. It stays as it is.
    #[arg(value_hint = ValueHint::FilePath)]
    raw: PathBuf,
    /// The trace, which must not be there yet.
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Looks here for files of debug information, before /usr/lib/debug.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    debug_dir: Vec<PathBuf>,
}

/// Packs it.
pub fn run(args: &Args) -> Done {
    let opened = input::open(&args.raw)?;
    let raw = Raw::open(opened, &args.raw)?;
    let failed = |error: &std::io::Error| Failure::of_system(args.file.display(), error);
    let made = File::options().read(true).write(true).create_new(true).open(&args.file);
    let file = made.map_err(|error| failed(&error))?;
    let packed = Packer::begin(raw, file, false).and_then(|packer| packer.finish(&args.debug_dir));
    let packing = packed.map_err(|error| {
        // A part of one is of no use where the whole is at hand.
        let _ = fs::remove_file(&args.file);
        failed(&error)
    })?;
    output::print(format!("{}: {} calls, {}\n", args.file.display(), count(packing.events), bytes(packing.bytes)))
}
