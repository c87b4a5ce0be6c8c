//! `metes doctor [PROG|PID]`: whether metes can serve a program, whether it does, and what the machine has to say.

mod findings;
mod machine;
mod process;
mod program;

use crate::failure::Done;
use crate::{library, output};
use clap::ValueHint;
use findings::Findings;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

const AFTER: &str = "\
Each line begins with ok, with note, or with stop for what keeps metes from working. The exit status is 0 where nothing \
stops it, 1 where something does, and 2 for what cannot be looked at.

  metes doctor
  metes doctor ./server
  metes doctor $(pidof server)";

/// Says what stands in the way of metes: for a program, a running process, and on this machine.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// A program, or the number of a process; ./7 is a program.
    #[arg(value_name = "PROG|PID", value_hint = ValueHint::CommandName)]
    subject: Option<OsString>,
    /// The library, libmetes.so.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// As JSON: a list of objects with level, about, what and advice.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what was found.
pub fn run(args: &Args) -> Done {
    let mut findings = Findings::default();
    let process = args.subject.as_ref().and_then(|subject| subject.to_str()?.parse::<u32>().ok());
    if let Some(process) = process {
        process::look(process, &mut findings)?;
    } else {
        let library = match library::find(args.library.as_deref()) {
            Ok(library) => {
                let path = library.path.display();
                match library.version() {
                    Some(version) => findings.ok("library", format!("{path} is metes {version}")),
                    None => {
                        findings.stop("library", format!("{path} does not serve this program itself"), "build it anew");
                    }
                }
                Some(library)
            }
            Err(failure) => {
                findings.stop("library", failure.to_string(), "run make, or install metes");
                None
            }
        };
        if let Some(subject) = &args.subject {
            program::look(subject, library.as_ref(), &mut findings)?;
        }
        machine::look(&mut findings);
    }
    if args.json {
        output::print_json(&findings.all)?;
    } else {
        output::print(findings.to_string())?;
    }
    Ok(if findings.has_stop() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
