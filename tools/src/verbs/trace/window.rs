//! The part of a trace that is looked at.

use crate::failure::Failure;
use crate::trace::order::Events;
use crate::trace::read::Trace;

/// A time of the trace.
#[derive(clap::Args)]
pub struct Window {
    /// Leaves out what was before: seconds from the start.
    #[arg(long, value_name = "SECONDS")]
    from: Option<f64>,
    /// Leaves out what was from then on.
    #[arg(long, value_name = "SECONDS")]
    to: Option<f64>,
}

impl Window {
    /// The events of the time.
    pub fn events<'t>(&self, trace: &'t Trace) -> Result<Events<'t>, Failure> {
        let from = self.from.map(|seconds| nanoseconds("--from", seconds)).transpose()?;
        let to = self.to.map(|seconds| nanoseconds("--to", seconds)).transpose()?;
        Ok(trace.events_between(from.unwrap_or(0), to.unwrap_or(u64::MAX)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: not negative")]
fn nanoseconds(flag: &str, seconds: f64) -> Result<u64, Failure> {
    let is_valid = seconds.is_finite() && seconds >= 0.0;
    is_valid.then_some((seconds * 1e9) as u64).ok_or_else(|| Failure::about(flag, "is a number of seconds from 0 on"))
}
