//! `metes top PID`: what the memory of a process is, live.

mod draw;
mod history;
mod state;
mod tab;
mod tables;
mod terminal;

use crate::failure::{Done, Failure};
use crate::output;
use crate::process::Process;
use crate::signals::{self, Next};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use state::State;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Shows what the memory of a process is, live: ? says which keys there are.
#[derive(clap::Args)]
pub struct Args {
    /// The number of a process.
    pid: u32,
    /// Seconds between two looks.
    #[arg(short = 'n', long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// Prints one screen as text, and ends.
    #[arg(long)]
    once: bool,
    /// What the table shows at first: classes, heaps, threads or maps.
    #[arg(long, value_name = "TABLE", default_value = "classes")]
    table: tab::Tab,
    /// Columns and rows of --once.
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "100x40", value_parser = size)]
    size: (u16, u16),
}

/// No look is more often than this.
const SHORTEST: f64 = 0.1;

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if (SHORTEST..=3600.0).contains(&value) { Ok(value) } else { Err("valid are 0.1 to 3600 seconds".into()) }
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let both = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    both.filter(|&(columns, rows)| (20..=500).contains(&columns) && (5..=500).contains(&rows))
        .ok_or_else(|| "valid are sizes such as 100x40".into())
}

/// Shows it until the user or the process ends it.
pub fn run(args: &Args) -> Done {
    let process = Process::open(args.pid)?;
    let mut state = State::start(&process, Duration::from_secs_f64(args.interval), args.table)?;
    if args.once {
        return output::print(page(&mut state, args.size));
    }
    let why = live(&process, &mut state)?;
    match why {
        Why::Quit => Ok(ExitCode::SUCCESS),
        Why::Gone => output::print(format!("{} ({}) has ended; {}\n", state.snapshot.name, args.pid, state.last())),
        // As the shell counts them.
        Why::Signal(signal) => Ok(ExitCode::from(128 + signal)),
    }
}

/// Why it ended.
enum Why {
    Quit,
    Gone,
    Signal(u8),
}

fn live(process: &Process, state: &mut State) -> Result<Why, Failure> {
    let failed = |error: std::io::Error| Failure::about("terminal", error);
    signals::catch(Next::Ends);
    let mut screen = terminal::Screen::open().map_err(failed)?;
    let mut next = Instant::now() + state.interval;
    loop {
        screen.terminal.draw(|frame| draw::draw(frame, state)).map_err(failed)?;
        let wait = next.saturating_duration_since(Instant::now()).min(Duration::from_millis(250));
        match event::poll(wait) {
            Ok(true) => match event::read().map_err(failed)? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    let interval = state.interval;
                    if state.press(key) {
                        return Ok(Why::Quit);
                    }
                    if interval != state.interval {
                        next = Instant::now() + state.interval;
                    }
                }
                _ => {}
            },
            Ok(false) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
        if !process.is_alive() {
            return Ok(Why::Gone);
        }
        if let Some(signal) = signals::caught() {
            return Ok(Why::Signal(signal));
        }
        if Instant::now() >= next {
            next = Instant::now() + state.interval;
            if !state.paused && state.look(process).is_none() && !process.is_alive() {
                return Ok(Why::Gone);
            }
        }
    }
}

/// A screen as text, without blanks at the ends of lines.
fn page(state: &mut State, (columns, rows): (u16, u16)) -> String {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let Ok(_) = terminal.draw(|frame| draw::draw(frame, state));
    let buffer = terminal.backend().buffer();
    let line = |row: u16| (0..columns).map(|column| buffer[(column, row)].symbol()).collect::<String>();
    let lines: Vec<_> = (0..rows).map(|row| line(row).trim_end().to_owned()).collect();
    let used = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..used].iter().map(|line| format!("{line}\n")).collect()
}
