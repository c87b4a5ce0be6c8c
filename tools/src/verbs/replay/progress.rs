//! How far it is, on a terminal.

use crate::failure::Failure;
use crate::process::Process;
use crate::replay::start::Watch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over all replays of a trace.
pub struct Progress {
    bar: ProgressBar,
    name: String,
    /// Operations of the replays before this one.
    before: u64,
    started: bool,
}

impl Progress {
    /// For so many operations. Where standard error is no terminal nothing is seen of it.
    pub fn new(name: &str, ops: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(ops), ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template("{msg:32!} {bar:30} {percent:>3}%, {eta} left") {
            bar.set_style(style);
        }
        Self { bar, name: name.to_owned(), before: 0, started: false }
    }

    /// The next replay begins; the last one had so many operations.
    pub fn next(&mut self, policy: &str, ops: u64) {
        if self.started {
            self.before += ops;
        }
        self.started = true;
        self.bar.set_message(format!("{} on {policy}", self.name));
        self.bar.set_position(self.before);
    }

    /// Takes it off the terminal.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Progress {
    fn at(&mut self, ops: u64) {
        self.bar.set_position(self.before + ops);
    }

    fn stopped(&mut self, _: &Process) -> Result<(), Failure> {
        Ok(())
    }
}
