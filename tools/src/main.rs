//! `metes`, the tool: runs a program on metes, and shows what a heap is used for.
//!
//! Each verb is a file of `verbs`. What several verbs need stands beside this file: `failure` is how a verb ends
//! when it cannot do its work.

mod failure;
mod heap;
mod picture;
mod process;
mod snapshot;
mod text;
mod verbs;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs programs on metes, and shows what their heaps are used for.
#[derive(Parser)]
#[command(name = "metes", version, max_term_width = 120)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Explain(verbs::explain::Args),
    Map(verbs::map::Args),
    Snapshot(verbs::snapshot::Args),
    Stats(verbs::stats::Args),
    Top(verbs::top::Args),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.verb {
        Verb::Explain(args) => verbs::explain::run(&args),
        Verb::Map(args) => verbs::map::run(&args),
        Verb::Snapshot(args) => verbs::snapshot::run(&args),
        Verb::Stats(args) => verbs::stats::run(&args),
        Verb::Top(args) => verbs::top::run(&args),
    };
    done.unwrap_or_else(|failure| failure.tell())
}
