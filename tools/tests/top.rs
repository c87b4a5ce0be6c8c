//! `metes top`: in a real terminal, which tmux is, and as text.

mod seen;

use seen::{Place, Seen, fails, metes, tool};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A terminal, with a shell of its own.
struct Terminal {
    socket: std::path::PathBuf,
    _place: Place,
}

impl Terminal {
    /// `None` where tmux is not installed.
    fn open(columns: u16, rows: u16, command: &str) -> Option<Self> {
        let place = Place::new();
        let terminal = Self { socket: place.path("tmux"), _place: place };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // The last line stays on the screen.
        let script =
            format!("{command}; echo \"status $?\"; stty -a | tr ' ' '\\n' | grep -x -e icanon -e -icanon; cat");
        let made = terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, &script]);
        if made.is_none() {
            eprintln!("SKIPPED: tmux is not installed");
        }
        made.map(|_| terminal)
    }

    fn tmux(&self, args: &[&str]) -> Option<String> {
        let mut tmux = Command::new("tmux");
        tmux.env_remove("TMUX").env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        let output = tmux.arg("-u").arg("-S").arg(&self.socket).args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).unwrap()
    }

    fn key(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Waits until the screen has a text.
    fn shows(&self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(Instant::now() < until, "{text} is not on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn churn(place: &Place) -> Seen {
    Seen::preloaded(place.program("churn.c", &[]), &[], "stats=off")
}

#[test]
fn keys_choose_what_is_shown() {
    let place = Place::new();
    let program = churn(&place);
    let Some(terminal) = Terminal::open(100, 30, &format!("{} top -n 0.2 {}", tool(), program.pid())) else { return };
    let screen = terminal.shows("slabs of");
    for wanted in ["churn (", "in use", "cached", "not metes'", "calls", "malloc ", "1 classes", "objects", "q quit"] {
        assert!(screen.contains(wanted), "{wanted} is missing:\n{screen}");
    }
    terminal.shows("calls/s");
    terminal.key("2");
    assert!(terminal.shows("could serve").contains("arena 0"));
    terminal.key("Tab");
    assert!(terminal.shows("cache of").contains("churn "));
    terminal.key("4");
    terminal.shows("address");
    terminal.key("p");
    terminal.shows("paused");
    terminal.key("p");
    terminal.key("+");
    terminal.shows("every 0.4 s");
    terminal.key("?");
    terminal.shows("pauses, and goes on");
    terminal.key("?");
    for (columns, rows) in [("60", "15"), ("200", "50"), ("41", "10"), ("30", "8"), ("100", "30")] {
        terminal.tmux(&["resize-window", "-x", columns, "-y", rows]);
        terminal.shows(if rows == "8" { "too small" } else { "resident" });
    }
    terminal.key("q");
    let end = terminal.shows("status 0");
    assert!(terminal.shows("icanon").lines().any(|line| line == "icanon"), "{end}");
}

#[test]
fn the_smallest_terminal_has_a_table_and_the_keys() {
    let place = Place::new();
    let program = churn(&place);
    let Some(terminal) = Terminal::open(60, 15, &format!("{} top {}", tool(), program.pid())) else { return };
    let screen = terminal.shows("slabs of");
    assert!(screen.lines().all(|line| line.chars().count() <= 60), "{screen}");
    assert!(screen.contains(" B ") && screen.contains("q quit") && screen.contains("is in use"), "{screen}");
}

#[test]
fn the_end_of_the_process_is_said_on_a_sane_terminal() {
    let place = Place::new();
    let mut program = churn(&place);
    let Some(terminal) = Terminal::open(80, 24, &format!("{} top {}", tool(), program.pid())) else { return };
    terminal.shows("slabs of");
    program.end();
    let screen = terminal.shows("status 0");
    assert!(screen.contains("has ended; it last had") && !screen.contains("slabs of"), "{screen}");
    assert!(terminal.shows("icanon").lines().any(|line| line == "icanon"));
}

#[test]
fn a_signal_leaves_a_sane_terminal() {
    let place = Place::new();
    let program = churn(&place);
    for (signal, status) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let command =
            format!("sh -c 'echo $$ > {}; exec {} top {}'", place.path("pid").display(), tool(), program.pid());
        let Some(terminal) = Terminal::open(80, 24, &command) else { return };
        terminal.shows("slabs of");
        let pid = std::fs::read_to_string(place.path("pid")).unwrap();
        assert!(Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap().success());
        terminal.shows(&format!("status {status}"));
        assert!(terminal.shows("icanon").lines().any(|line| line == "icanon"));
    }
}

#[test]
fn one_screen_is_text() {
    let place = Place::new();
    let program = churn(&place);
    for (table, wanted) in
        [("classes", "slabs of"), ("heaps", "arena 0"), ("threads", "cache of"), ("maps", "/libc.so.6")]
    {
        let output = metes(&["top", "--once", "--table", table, "--size", "80x30", &program.pid()]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(wanted) && !text.contains('\u{1b}'), "{text}");
        assert!(text.lines().count() <= 30 && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    fails(&metes(&["top", "4194305"]), "there is no such process");
    // No terminal to draw on.
    // In a session of its own, which has no terminal.
    let mut command = Command::new("setsid");
    let output = command.arg("-w").arg(tool()).args(["top", &program.pid()]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
