//! Programs that run on metes while they are looked at, and the tool.

#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

pub const SEEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seen");

/// A file that `make` has built.
pub fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release").join(name);
    assert!(path.exists(), "{} is missing: run `make` first", path.display());
    path.canonicalize().unwrap()
}

/// A directory that goes away.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("metes-seen-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The program of a source in `tests/seen`.
    pub fn program(&self, source: &str, flags: &[&str]) -> PathBuf {
        let made = self.path(source.trim_end_matches(".c"));
        let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../include");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-fno-builtin", "-pthread", "-I", include, "-o"]).arg(&made).arg(Path::new(SEEN).join(source));
        let output = cc.args(flags).output().expect("cc is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        made
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that runs, and ends with this.
pub struct Seen {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Seen {
    /// Starts it, and waits until it says that it is ready.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program is installed");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut seen = Self { child, to, from };
        loop {
            let line = seen.hear();
            assert!(!line.is_empty(), "{command:?} has ended");
            if line.to_lowercase().contains("ready") {
                return seen;
            }
        }
    }

    /// On metes, preloaded.
    pub fn preloaded(program: impl AsRef<std::ffi::OsStr>, args: &[&str], options: &str) -> Self {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("LD_PRELOAD", built("libmetes.so"))
            .env("METES_OPTIONS", options)
            .env("PYTHONMALLOC", "malloc");
        Self::start(&mut command)
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The next line that it says.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line
    }

    /// Says a line, and waits for the answer.
    pub fn ask(&mut self, line: &str) -> String {
        let to = self.to.as_mut().unwrap();
        to.write_all(format!("{line}\n").as_bytes()).unwrap();
        to.flush().unwrap();
        self.hear()
    }

    /// Resident bytes, as the kernel counts them exactly.
    pub fn rss(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid())).unwrap();
        let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// `metes stats --json`.
    pub fn stats(&self) -> Value {
        let output = metes(&["stats", "--json", &self.pid()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Says nothing more, and waits for its exit status.
    pub fn finish(&mut self) -> Option<i32> {
        drop(self.to.take());
        self.child.wait().unwrap().code()
    }

    /// Ends it now.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn tool() -> &'static str {
    env!("CARGO_BIN_EXE_metes")
}

pub fn metes(args: &[&str]) -> Output {
    Command::new(tool()).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Asserts that the tool fails with one line, which says this.
pub fn fails(output: &Output, says: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("metes: ") && text.lines().count() == 1 && text.contains(says), "{says}: {text}");
    assert!(output.stdout.is_empty());
}

/// The sum of all resident parts.
pub fn together(stats: &Value) -> u64 {
    let usage = &stats["usage"];
    let parts = usage["parts"].as_object().unwrap().values().map(|part| part["resident"].as_u64().unwrap());
    let others = ["metadata", "kept", "rest"].map(|name| usage[name]["resident"].as_u64().unwrap());
    parts.sum::<u64>() + others.iter().sum::<u64>()
}
