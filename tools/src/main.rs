//! `metes`, the tool: runs a program on metes, and shows what a heap is used for.
//!
//! Each verb is a file of `verbs`. What several verbs need stands beside this file: `failure` is how a verb ends
//! when it cannot do its work, `output` what it writes, `library` where libmetes.so is, `settings` the library's
//! options, `program` and `elf` what a program file is, `run` a child in the foreground, `profile` samples with their
//! stacks, `leaks` blocks that nothing points to, `symbols` addresses as functions and lines, `signals` those that ask
//! for the end, and `trace` every allocation call of a process.

mod allocators;
mod chart;
mod elf;
mod failure;
mod heap;
mod leaks;
mod library;
mod output;
mod picture;
mod process;
mod profile;
mod program;
mod replay;
mod run;
mod settings;
mod signals;
mod snapshot;
mod symbols;
mod text;
mod trace;
mod verbs;

use clap::{CommandFactory, Parser, Subcommand};
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
    Bench(verbs::bench::Args),
    Completions(verbs::completions::Args),
    Doctor(verbs::doctor::Args),
    Explain(verbs::explain::Args),
    Leaks(verbs::leaks::Args),
    Map(verbs::map::Args),
    Options(verbs::options::Args),
    #[command(hide = true)]
    Pages(verbs::pages::Args),
    Profile(verbs::profile::Args),
    Replay(verbs::replay::Args),
    Run(verbs::run::Args),
    Snapshot(verbs::snapshot::Args),
    Stats(verbs::stats::Args),
    Symbolize(verbs::symbolize::Args),
    Top(verbs::top::Args),
    Trace(verbs::trace::Args),
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == library::ASK) {
        return output::print(library::version_here().unwrap_or_default()).unwrap_or_else(|failure| failure.tell());
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == replay::child::ASK) {
        return replay::child::run(std::env::args_os().skip(2));
    }
    let done = match Command::parse().verb {
        Verb::Bench(args) => verbs::bench::run(&args),
        Verb::Completions(args) => verbs::completions::run(&args, Command::command()),
        Verb::Doctor(args) => verbs::doctor::run(&args),
        Verb::Explain(args) => verbs::explain::run(&args),
        Verb::Leaks(args) => verbs::leaks::run(&args),
        Verb::Map(args) => verbs::map::run(&args),
        Verb::Options(args) => verbs::options::run(&args),
        Verb::Pages(args) => verbs::pages::run(&args, Command::command()),
        Verb::Profile(args) => verbs::profile::run(&args),
        Verb::Replay(args) => verbs::replay::run(&args),
        Verb::Run(args) => verbs::run::run(&args),
        Verb::Snapshot(args) => verbs::snapshot::run(&args),
        Verb::Stats(args) => verbs::stats::run(&args),
        Verb::Symbolize(args) => verbs::symbolize::run(&args),
        Verb::Top(args) => verbs::top::run(&args),
        Verb::Trace(args) => verbs::trace::run(&args),
    };
    done.unwrap_or_else(|failure| failure.tell())
}
