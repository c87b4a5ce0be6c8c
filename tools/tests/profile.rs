//! `metes profile`: known calls of real programs, with about the bytes that they allocate.
//!
//! Sums are estimates. With `n` samples they are off by `1 / sqrt(n)` in the mean, so the margins here are six times that:
//! less than one run in a hundred million is outside.

mod common;

use common::{Place, Said, library, metes, run};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Allocates when it is told to: so many times `kept` and `passing`, then says that it is ready.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) void *kept(size_t n) { void *p = malloc(n); __asm__ volatile("" : "+r"(p)); return p; }
__attribute__((noinline)) void *passing(size_t n) { void *p = calloc(1, n); __asm__ volatile("" : "+r"(p)); return p; }
static void *all[200000];
int main(void) {
    int at = 0, many;
    while (scanf("%d", &many) == 1) {
        for (int i = 0; i < many; i++) {
            all[at++] = kept(100);
            free(passing(1000));
        }
        puts("ready");
        fflush(stdout);
    }
    return 3;
}
"#;

/// The program, on metes, and what it is told.
struct Running {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(program: &std::path::Path, options: &str) -> Self {
        let mut child = Command::new(program)
            .env("LD_PRELOAD", library())
            .env("METES_OPTIONS", options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Lets it allocate so many times, and waits until it has.
    fn allocate(&mut self, many: u32) {
        writeln!(self.child.stdin.as_ref().unwrap(), "{many}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn profile(place: &Place, args: &[&str]) -> Value {
    let path = place.path("profile.json");
    let said = run(&[&["profile", "-o", path.to_str().unwrap()], args].concat());
    assert_eq!(said.status, Some(0), "{said:?}");
    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
}

/// The sum of a figure over the stacks in which a function stands innermost.
fn sum(profile: &Value, function: &str, what: &str, figure: &str) -> f64 {
    let stacks = profile["stacks"].as_array().unwrap().iter();
    let of = stacks.filter(|stack| stack["frames"][0]["function"] == function);
    of.map(|stack| stack[what][figure].as_f64().unwrap()).sum()
}

#[track_caller]
fn about(found: f64, wanted: f64, rate: f64) {
    let margin = 6.0 * (wanted * rate).sqrt();
    assert!((found - wanted).abs() < margin, "{found} is not {wanted}, give or take {margin}");
}

#[test]
fn a_program_is_sampled_from_its_start_to_its_end() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let path = place.path("profile.json");
    let mut child = metes(&["profile", "--rate", "4k", "-o", path.to_str().unwrap(), "--", program.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_ref().unwrap(), "100000").unwrap();
    drop(child.stdin.take());
    // The program's exit status.
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let profile: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    about(sum(&profile, "kept", "allocated", "bytes"), 100.0 * 1e5, 4096.0);
    about(sum(&profile, "passing", "allocated", "bytes"), 1000.0 * 1e5, 4096.0);
    about(sum(&profile, "kept", "in_use", "bytes"), 100.0 * 1e5, 4096.0);
    about(100.0 * sum(&profile, "kept", "peak", "blocks"), 100.0 * 1e5, 4096.0 * 2.0);
    assert_eq!(sum(&profile, "passing", "in_use", "bytes"), 0.0);
    let frame = &profile["stacks"][0]["frames"][0];
    assert!(frame["file"].as_str().unwrap().ends_with("program.c") && frame["line"] == 5, "{frame}");
    assert_eq!(profile["dropped"], serde_json::json!([0, 0, 0]));
}

#[test]
fn a_running_process_is_sampled_while_it_is_attached_to() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let mut running = Running::start(&program, "");
    running.allocate(50_000);
    let path = place.path("attached.json");
    let mut tool = metes(&["profile", "--rate", "4k", "--for", "600", "-o", path.to_str().unwrap(), &running.pid()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It is attached when the process has a profile: which it has after the first sample.
    let has_begun = |running: &mut Running| {
        running.allocate(100);
        run(&["profile", "--for", "0", &running.pid()]).status == Some(0)
    };
    let mut before = 0;
    while !has_begun(&mut running) {
        before += 100;
        assert!(before < 50_000 && tool.try_wait().unwrap().is_none());
    }
    running.allocate(100_000);
    // SAFETY: a signal to a child of this process.
    #[expect(unsafe_code, reason = "the standard library knows no other signal than SIGKILL")]
    unsafe {
        libc::kill(tool.id().cast_signed(), libc::SIGINT)
    };
    assert_eq!(tool.wait().unwrap().code(), Some(0));
    let profile: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let kept = sum(&profile, "kept", "in_use", "bytes");
    // A few hundred before that may be in it as well.
    assert!(kept > 100.0 * 1e5 - 6.0 * (1e7_f64 * 4096.0).sqrt(), "{kept}");
    assert!(kept < 100.0 * (1e5 + f64::from(before) + 200.0) + 6.0 * (1.1e7_f64 * 4096.0).sqrt(), "{kept}");
    // Sampling is off again: nothing more comes.
    let count = profile["samples"].as_u64().unwrap();
    running.allocate(20_000);
    let again = self::profile(&place, &["--for", "0", "--rate", "1g", &running.pid()]);
    assert!(again["samples"].as_u64().unwrap() < 3 && count > 1000, "{again} {count}");
}

#[test]
fn what_outlives_a_kill_is_read_from_the_file() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let file = place.path("peak.profile");
    let options = format!("profile=4k,profile_file={}", file.display());
    let mut running = Running::start(&program, &options);
    running.allocate(100_000);
    drop(running);
    let profile = profile(&place, &[file.to_str().unwrap()]);
    // The shares are noted again when a sixty-fourth has come since.
    let kept = sum(&profile, "kept", "peak", "bytes");
    assert!(
        kept < 1e7 + 6.0 * (1e7_f64 * 4096.0).sqrt() && kept > 0.97 * 1e7 - 6.0 * (1e7_f64 * 4096.0).sqrt(),
        "{kept}"
    );
    // Another process leaves the file as it is.
    let before = fs::read(&file).unwrap();
    let mut other = Running::start(&program, &options);
    other.allocate(1000);
    drop(other);
    assert!(fs::read(&file).unwrap() == before);
    // A part of it is no profile.
    fs::write(place.path("part"), &before[..100_000]).unwrap();
    let said = run(&["profile", place.path("part").to_str().unwrap()]);
    assert!(
        said.status == Some(2) && said.err.ends_with("this profile is damaged, or not all of it is there\n"),
        "{said:?}"
    );
}

/// One block in fifty stays, each on a page that is free but for it.
const SPARSE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) void *keeper(void) { void *p = malloc(96); __asm__ volatile("" : "+r"(p)); return p; }
__attribute__((noinline)) void *passing(void) { void *p = malloc(96); __asm__ volatile("" : "+r"(p)); return p; }
static void *all[500000];
int main(void) {
    for (int i = 0; i < 500000; i++) all[i] = i % 50 == 0 ? keeper() : passing();
    for (int i = 0; i < 500000; i++) if (i % 50) free(all[i]);
    puts("ready");
    fflush(stdout);
    return getchar() + 1;
}
"#;

#[test]
fn the_calls_that_hold_free_pages_are_named() {
    let place = Place::new();
    let program = place.program("sparse.c", SPARSE, &["-g"]);
    let mut running = Running::start(&program, "profile=4k,decay_ms=1000000");
    let mut line = String::new();
    running.said.read_line(&mut line).unwrap();
    let said = run(&["profile", "--fragmentation", "--for", "0", &running.pid()]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let first = said.out.lines().find(|line| line.starts_with("holds")).unwrap_or_else(|| panic!("{said:?}"));
    // 10,000 blocks of 96 bytes on nearly as many pages of 4 KiB, about 38 MiB.
    let pinned: f64 = first.split("pins ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(first.contains(" MiB: ") && pinned > 20.0 && pinned < 60.0, "{first}");
    assert!(
        said.out.lines().skip_while(|line| !line.starts_with("holds")).nth(1).unwrap().contains("keeper  sparse.c:"),
        "{said:?}"
    );
}

#[test]
fn each_form_is_written_and_bad_words_are_refused() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let mut running = Running::start(&program, "profile=1k");
    running.allocate(1000);
    let write = |name: &str| {
        let path = place.path(name);
        let said = run(&["profile", "--for", "0", "-o", path.to_str().unwrap(), &running.pid()]);
        assert_eq!(said.status, Some(0), "{said:?}");
        fs::read(path).unwrap()
    };
    let folded = String::from_utf8(write("a.folded")).unwrap();
    assert!(folded.lines().any(|line| line.contains(";main;kept ")), "{folded}");
    let flame = String::from_utf8(write("a.svg")).unwrap();
    assert!(flame.starts_with("<?xml") && flame.contains("kept ("), "{flame:.300}");
    assert!(write("a.pb.gz").starts_with(&[0x1f, 0x8b]));
    let refused = |args: &[&str], what: &str| {
        let Said { status, err, .. } = run(&[&["profile"], args].concat());
        assert!(status == Some(2) && err.contains(what) && err.lines().count() == 1, "{args:?}: {status:?} {err}");
    };
    refused(&["-o", "a.txt", "1"], "valid ends are .pb.gz, .svg, .folded and .json");
    refused(&["--rate", "3", &running.pid()], "profile");
    refused(&["--for=-1", &running.pid()], "--for");
    refused(&["4000000000"], "there is no such process");
    refused(&["/dev/null"], "is no profile of metes");
    refused(&["--growth", "/dev/null"], "only a running process");
    refused(&[&std::process::id().to_string()], "does not run on metes");
    // Nothing is asked for in vain.
    let both = run(&["profile", "--fragmentation", "-o", place.path("a.json").to_str().unwrap(), &running.pid()]);
    assert!(both.status == Some(2) && !place.path("a.json").exists(), "{both:?}");
    let there = place.write("there", "kept");
    refused(&["--on-peak", there.to_str().unwrap(), "--", "true"], "is there already");
    assert_eq!(fs::read_to_string(there).unwrap(), "kept");
}
