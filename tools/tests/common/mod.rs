//! What the tests of the tool share: the tool, a place for files, and compilers.

#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for a test, which goes away with it.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("metes-tests-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The names of what is in it.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A program of C, C++ or Rust, by the source's ending.
    pub fn program(&self, source: &str, text: &str, flags: &[&str]) -> PathBuf {
        let path = self.write(source, text);
        let made = path.with_extension("");
        let mut command = match path.extension().and_then(OsStr::to_str) {
            Some("rs") => Command::new("rustc"),
            Some("cpp") => Command::new("c++"),
            _ => Command::new("cc"),
        };
        if path.extension() == Some(OsStr::new("rs")) {
            command.args(["--edition", "2024", "-g", "-O"]);
        } else {
            // The compiler leaves out calls of malloc and free that it understands.
            command.args(["-g", "-O1", "-w", "-fno-builtin"]);
        }
        let output = command.args(flags).arg("-o").args([&made, &path]).output().expect("the compiler is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        made
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The library that `make` has built.
pub fn library() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmetes.so");
    assert!(path.exists(), "{} is missing: run `make` first", path.display());
    path.canonicalize().unwrap()
}

/// The tool, with an environment that says nothing of metes.
pub fn metes<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metes"));
    command.args(args).stdin(Stdio::null()).env("METES_LIBRARY", library());
    ["METES_OPTIONS", "LD_PRELOAD", "TMPDIR"].iter().for_each(|name| _ = command.env_remove(name));
    command
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the tool.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Said {
    metes(args).output().unwrap().into()
}

impl Said {
    /// That the tool has refused to do it, with this exit status, in one line that has these words.
    #[track_caller]
    pub fn refused(&self, status: i32, words: &str) {
        let is_line = self.err.starts_with("metes: ") && self.err.lines().count() == 1;
        assert!(self.status == Some(status) && is_line && self.err.contains(words) && self.out.is_empty(), "{self:?}");
    }
}

/// A program that frees a block twice, in an inlined function.
pub const TWICE: &str = r#"
#include <stdlib.h>
static inline __attribute__((always_inline)) void give(void *p) { free(p); }
__attribute__((noinline)) void twice(void *p)
{
    give(p);
    give(p);
    __asm__ volatile("");
}
int main(void)
{
    twice(malloc(100));
    return 0;
}
"#;
