//! What is shown: figures of the process, and what the user has chosen.

use super::history::History;
use super::tab::Tab;
use crate::failure::Failure;
use crate::heap::source::Source;
use crate::heap::usage::Usage;
use crate::heap::walk::counters;
use crate::process::{Process, maps, page_size};
use crate::snapshot::Snapshot;
use crate::text::bytes;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A walk over the whole heap comes after so many times what the last one took: it costs 2% of a core.
const REST: u32 = 50;
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3600);

/// Figures and choices.
pub struct State {
    /// The last walk.
    pub snapshot: Snapshot,
    /// What it found.
    pub usage: Usage,
    /// When it was.
    walked: Instant,
    /// How long it took.
    pub took: Duration,
    /// Resident bytes now.
    pub rss: u64,
    /// Resident bytes so far.
    pub resident: History,
    /// Bytes in use so far.
    pub in_use: History,
    /// Calls so far, by operation.
    pub calls: Vec<u64>,
    /// Calls a second; none before the second look.
    pub rates: Option<Vec<u64>>,
    looked: Instant,
    /// Names of threads by their numbers.
    pub threads: HashMap<u32, String>,
    /// Time between two looks.
    pub interval: Duration,
    /// Whether nothing changes for now.
    pub paused: bool,
    /// Whether the keys are shown.
    pub help: bool,
    /// Which table is shown.
    pub tab: Tab,
    /// By which of its columns it is sorted.
    pub sort: usize,
    /// How many rows were scrolled away.
    pub scroll: usize,
}

impl State {
    /// The first look.
    pub fn start(process: &Process, interval: Duration, tab: Tab) -> Result<Self, Failure> {
        let begun = Instant::now();
        let snapshot = Snapshot::take(process)?;
        let usage = snapshot.usage();
        let took = begun.elapsed();
        let mut state = Self {
            rss: usage.rss,
            calls: snapshot.heap.calls.clone(),
            threads: threads(process),
            snapshot,
            usage,
            walked: Instant::now(),
            took,
            resident: History::default(),
            in_use: History::default(),
            rates: None,
            looked: Instant::now(),
            interval,
            paused: false,
            help: false,
            tab,
            sort: 0,
            scroll: 0,
        };
        state.note();
        Ok(state)
    }

    /// Looks again: at everything if the last walk is long enough ago, else at counters. `None` if the process could not
    /// be read.
    pub fn look(&mut self, process: &Process) -> Option<()> {
        if self.walked.elapsed() >= self.took * REST {
            let begun = Instant::now();
            self.snapshot = Snapshot::take(process).ok()?;
            self.usage = self.snapshot.usage();
            self.took = begun.elapsed();
            self.walked = Instant::now();
            self.rss = self.usage.rss;
            self.threads = threads(process);
            let calls = self.snapshot.heap.calls.clone();
            self.count(calls);
        } else {
            let source = Source::find(process, &maps::parse(&process.file("maps").ok()?)).ok()?;
            self.rss = resident(process)?;
            self.count(counters(&source)?);
        }
        self.note();
        Some(())
    }

    fn count(&mut self, calls: Vec<u64>) {
        let seconds = self.looked.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rate"
        )]
        let rate = |(now, before): (&u64, &u64)| (now.saturating_sub(*before) as f64 / seconds) as u64;
        self.rates = Some(calls.iter().zip(&self.calls).map(rate).collect());
        self.calls = calls;
        self.looked = Instant::now();
    }

    fn note(&mut self) {
        self.resident.push(self.rss);
        self.in_use.push(self.usage.parts.in_use.resident);
    }

    /// How long ago the walk was that the figures come from.
    pub fn age(&self) -> Duration {
        self.walked.elapsed()
    }

    /// The last figures in one line.
    pub fn last(&self) -> String {
        format!("it last had {} resident, {} in use", bytes(self.rss), bytes(self.usage.parts.in_use.resident))
    }

    /// Does what a key says. True if it ends the program.
    pub fn press(&mut self, key: KeyEvent) -> bool {
        let count = Tab::ALL.len();
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('q') => return true,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Esc => return true,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.sort += 1,
            KeyCode::Char('+') => self.interval = (self.interval * 2).min(LONGEST),
            KeyCode::Char('-') => self.interval = (self.interval / 2).max(SHORTEST),
            KeyCode::Char(digit @ '1'..='4') => self.choose(digit as usize - '1' as usize),
            KeyCode::Tab | KeyCode::Right => self.choose((self.tab as usize + 1) % count),
            KeyCode::BackTab | KeyCode::Left => self.choose((self.tab as usize + count - 1) % count),
            KeyCode::Down => self.scroll += 1,
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll += 10,
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        false
    }

    fn choose(&mut self, tab: usize) {
        self.tab = Tab::ALL[tab];
        (self.sort, self.scroll) = (0, 0);
    }
}

/// Resident bytes, as the kernel counts them cheaply.
fn resident(process: &Process) -> Option<u64> {
    process.file("statm").ok()?.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * page_size())
}

fn threads(process: &Process) -> HashMap<u32, String> {
    let folder = std::fs::read_dir(format!("/proc/{}/task", process.pid()));
    let numbers = folder.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let name = |thread: u32| Some((thread, process.file(&format!("task/{thread}/comm")).ok()?.trim_end().to_owned()));
    numbers.filter_map(name).collect()
}
