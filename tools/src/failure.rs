//! How a verb ends that cannot do its work: one line on standard error, and exit status 2.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// Why a verb could not do its work, in one line.
#[derive(Debug)]
pub struct Failure {
    line: String,
    status: u8,
}

/// What a verb returns.
pub type Done = Result<ExitCode, Failure>;

impl Failure {
    /// A failure that concerns something: a path, a process, a word of the command line.
    pub fn about(subject: impl Display, why: impl Display) -> Self {
        Self { line: format!("{subject}: {why}"), status: 2 }
    }

    /// What the system says of something.
    pub fn of_system(subject: impl Display, error: &io::Error) -> Self {
        Self::about(subject, reason(error))
    }

    /// The same with another exit status.
    pub fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// Says it, and gives the exit status.
    pub fn tell(&self) -> ExitCode {
        eprintln!("metes: {}", self.line.replace('\n', " "));
        ExitCode::from(self.status)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}

/// An error of the system in its own words, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}
