//! A trace made ready for replays: its plan, in a file without a name.

use super::lanes;
use super::plan::{Moment, Outline, Plan, Planner};
use crate::failure::Failure;
use crate::text::bytes;
use crate::trace::read::Trace;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A trace that can be replayed.
pub struct Prepared {
    /// The trace.
    pub path: PathBuf,
    /// What is in the plan.
    pub plan: Plan,
    /// The plan.
    pub file: File,
    /// Threads of the trace.
    pub threads: usize,
}

/// Where in a trace somebody wants to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Behind so many thousandths of its calls.
    Share(u64),
    /// When most bytes are live.
    Peak,
}

impl At {
    /// Of `50%`, `12.5%` or `peak`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "peak" {
            return Ok(Self::Peak);
        }
        let share: Option<f64> = text.strip_suffix('%').and_then(|number| number.parse().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        let thousandths =
            share.filter(|share| (0.0..=100.0).contains(share)).map(|share| (share * 10.0).round() as u64);
        thousandths.map(Self::Share).ok_or_else(|| "valid are peak, and 0% to 100% of the calls".into())
    }
}

/// Reads a trace, and makes its plan; `at` are places to stop at, in their order.
pub fn prepare(path: &Path, at: &[At], alone: bool) -> Result<Prepared, Failure> {
    let trace = Trace::open(path)?;
    let mut outline = Outline::default();
    trace.events().for_each(|event| outline.add(&event));
    if outline.calls == 0 {
        return Err(Failure::about(path.display(), "there is no call in this trace"));
    }
    let shares = at.iter().filter_map(|at| match at {
        At::Share(share) => Some(u64::try_from(u128::from(outline.calls) * u128::from(*share) / 1000).unwrap_or(0)),
        At::Peak => None,
    });
    let marks: Vec<_> = shares.collect();
    let folder = std::env::temp_dir();
    let failed = |error: io::Error| Failure::of_system(folder.display(), &error);
    let file = nameless(&folder).map_err(failed)?;
    let most = if alone { 1 } else { lanes::MOST };
    let mut planner = Planner::new(BufWriter::with_capacity(1 << 20, file), outline, most, &marks);
    for event in trace.events() {
        planner.add(&event).map_err(failed)?;
    }
    let (plan, out) = planner.finish().map_err(failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok(Prepared { path: path.to_owned(), plan, file, threads: trace.threads().len() })
}

/// A file without a name in a folder.
fn nameless(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true);
    match options.clone().custom_flags(libc::O_TMPFILE).open(folder) {
        // A file system that has none: one whose name goes away at once.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            let path = folder.join(format!("metes-replay-{}", std::process::id()));
            let file = options.create_new(true).open(&path)?;
            fs::remove_file(path).map(|()| file)
        }
        opened => opened,
    }
}

impl Prepared {
    /// The moments of places, those that `prepare` was given, in the same order.
    pub fn moments(&self, at: &[At]) -> Vec<Moment> {
        let mut marked = self.plan.marked.iter();
        let of = |at: &At| match at {
            At::Peak => self.plan.peak(),
            At::Share(_) => marked.next().copied().unwrap_or(self.plan.end),
        };
        at.iter().map(of).collect()
    }

    /// Whether the machine has the memory that all blocks take up to a moment, if their bytes are written to.
    pub fn check_memory(&self, until: Moment, advice: &str) -> Result<(), Failure> {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = text.lines().find_map(|line| {
            line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
        });
        let before = self.plan.moments.iter().filter(|moment| moment.call <= until.call);
        let needed = before.map(|moment| moment.live).max().unwrap_or(0).max(until.live);
        match available {
            Some(available) if needed > available / 10 * 9 => {
                let (needed, available) = (bytes(needed), bytes(available));
                let why = format!("{needed} are live at its peak, and {available} are available: {advice}");
                Err(Failure::about(self.path.display(), why))
            }
            _ => Ok(()),
        }
    }

    /// The trace's name, as pictures have it.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(|| "trace".into(), |name| name.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shares_or_the_peak() {
        assert_eq!(
            (At::parse("peak"), At::parse("12.5%"), At::parse("100%")),
            (Ok(At::Peak), Ok(At::Share(125)), Ok(At::Share(1000)))
        );
        for wrong in ["", "50", "-1%", "101%", "NaN%", "%"] {
            assert!(At::parse(wrong).is_err(), "{wrong}");
        }
    }
}
