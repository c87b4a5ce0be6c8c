//! How a verb ends that cannot do its work: one line on standard error, and exit status 2.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a verb could not do its work, in one line.
#[derive(Debug)]
pub struct Failure(String);

/// What a verb returns.
pub type Done = Result<ExitCode, Failure>;

impl Failure {
    /// A failure that concerns something: a path, a process, a word of the command line.
    pub fn about(subject: impl Display, why: impl Display) -> Self {
        Self(format!("{subject}: {why}"))
    }

    /// Says it, and gives the exit status.
    pub fn tell(&self) -> ExitCode {
        eprintln!("metes: {}", self.0.replace('\n', " "));
        ExitCode::from(2)
    }
}
