//! `metes stats PID|FILE`: what the memory of a process is.

mod json;
mod prometheus;
mod server;
mod table;

use crate::failure::Done;
use crate::output;
use crate::snapshot::Snapshot;
use std::net::SocketAddr;

/// Says what the memory of a process is: in use, waiting in caches, free, metes' own, not metes'.
#[derive(clap::Args)]
pub struct Args {
    /// The number of a process, or a file that metes snapshot has made.
    #[arg(value_name = "PID|FILE")]
    what: String,
    /// Prints one JSON object.
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,
    /// Prints the text format of Prometheus.
    #[arg(long)]
    prometheus: bool,
    /// Answers requests of Prometheus at an address such as 127.0.0.1:9100, anew for each, until the process ends.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["json", "prometheus"])]
    serve: Option<SocketAddr>,
    /// Prints all classes, not only those with the most memory.
    #[arg(long)]
    all: bool,
}

/// Prints the figures.
pub fn run(args: &Args) -> Done {
    if let Some(address) = args.serve {
        return server::serve(address, &args.what);
    }
    let snapshot = Snapshot::of(&args.what)?;
    let usage = snapshot.usage();
    output::print(match (args.json, args.prometheus) {
        (true, _) => json::text(&snapshot, &usage),
        (_, true) => prometheus::text(&snapshot, &usage),
        _ => table::text(&snapshot, &usage, args.all),
    })
}
