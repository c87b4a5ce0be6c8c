//! `metes trace`: programs whose calls are known one by one, and traces that did not come to their end.

mod common;

use common::{Place, Said, library, metes, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What clap says of words that do not fit.
trait Usage {
    fn usage(&self, words: &str);
}

impl Usage for Said {
    #[track_caller]
    fn usage(&self, words: &str) {
        assert!(self.status == Some(2) && self.err.contains(words), "{self:?}");
    }
}

/// Known calls at known places, then an exec, a kill, or an end.
const PROGRAM: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) void *kept(size_t n) { void *p = malloc(n); __asm__ volatile("" : "+r"(p)); return p; }
__attribute__((noinline)) void *passing(size_t n) { void *p = calloc(2, n); __asm__ volatile("" : "+r"(p)); return p; }
__attribute__((noinline)) void *growing(void *p, size_t n) { p = realloc(p, n); __asm__ volatile("" : "+r"(p)); return p; }
static void *all[1 << 20];
int main(int argc, char **argv)
{
    int many = atoi(argv[1]);
    for (int i = 0; i < many; i++) {
        all[i] = kept(100);
        free(passing(50));
    }
    for (int i = 0; i < many / 2; i++) free(all[i]);
    void *p = 0;
    for (int i = 1; i <= 12; i++) p = growing(p, 1000 << i);
    free(p);
    if (argc < 3) return 3;
    if (!strcmp(argv[2], "kill")) raise(SIGKILL);
    if (!strcmp(argv[2], "exec")) execl(argv[0], argv[0], "10", (char *)0);
    if (!strcmp(argv[2], "fork")) {
        if (fork()) return wait(0) < 0;
        free(kept(77));
    }
    return 3;
}
"#;

/// A job of one thread is freed by another.
const THREADS: &str = r#"
#include <pthread.h>
#include <stdlib.h>
#define MANY 5000
static void *slots[64];
static void *give(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        void *p = malloc(16 + i % 500);
        void *old = __atomic_exchange_n(&slots[i % 64], p, __ATOMIC_ACQ_REL);
        free(old);
        if (i % 16 == 0) free(realloc(malloc(10), 3000));
    }
    return arg;
}
int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, give, 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    for (int i = 0; i < 64; i++) free(slots[i]);
    return 0;
}
"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn info(path: &Path) -> Value {
    let said = run(&["trace", "info", "--json", text(path)]);
    assert!(said.status == Some(0) && said.err.is_empty(), "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// Records the program with these words.
fn record(place: &Place, name: &str, program: &Path, words: &[&str]) -> (PathBuf, Said) {
    let path = place.path(name);
    let said = run(&[&["trace", "-o", text(&path), "--", text(program)], words].concat());
    (path, said)
}

/// The site whose innermost function it is.
fn site<'a>(info: &'a Value, function: &str) -> &'a Value {
    let mut sites = info["sites"].as_array().unwrap().iter();
    sites.find(|site| site["frames"][0]["function"] == function).unwrap_or_else(|| panic!("{function}: {info}"))
}

#[test]
fn each_call_is_in_the_trace_with_its_site() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let (path, said) = record(&place, "a.trace", &program, &["20000"]);
    assert!(said.status == Some(3) && said.err.contains("a.trace: ") && said.err.contains(" calls, "), "{said:?}");
    let info = info(&path);
    assert_eq!(info["ending"], serde_json::json!({ "exited": true, "missed": 0, "stopped": false, "cut": false }));
    assert_eq!((&info["anomalies"], &info["damaged"]), (&0.into(), &0.into()));
    assert_eq!((&info["calls"]["calloc"], &info["calls"]["realloc"]), (&20_000.into(), &12.into()));
    let kept = site(&info, "kept");
    assert_eq!(kept["allocated"], serde_json::json!({ "blocks": 20_000, "bytes": 2_000_000 }));
    assert_eq!(kept["live"], serde_json::json!({ "blocks": 10_000, "bytes": 1_000_000 }));
    assert_eq!(kept["frames"][0]["line"], 8);
    assert!(
        kept["frames"][0]["file"].as_str().unwrap().ends_with("program.c") && kept["frames"][1]["function"] == "main"
    );
    let passing = site(&info, "passing");
    assert_eq!(passing["allocated"], serde_json::json!({ "blocks": 20_000, "bytes": 2_000_000 }));
    assert_eq!((&passing["live"]["blocks"], &passing["temporary"]), (&0.into(), &20_000.into()));
    assert_eq!((&info["reallocs"]["of_null"], &info["reallocs"]["longest_chain"]), (&1.into(), &11.into()));
    // The most was in use when the block had all its sizes but those of half the kept ones.
    assert!(info["peak"]["bytes"].as_u64().unwrap() >= 1_000_000 + (1000 << 12), "{info}");
    // A compact file: 60,000 calls.
    assert!(info["file_bytes"].as_u64().unwrap() < 3 * 60_000, "{info}");
    // The page has the same.
    let page = run(&["trace", "info", text(&path)]).out;
    assert!(page.contains("kept  program.c:8") && page.contains("977 KiB in 10,000 blocks"), "{page}");
    // Another run, compared.
    let (other, _) = record(&place, "b.trace", &program, &["20001"]);
    let said = run(&["trace", "diff", "--json", text(&path), text(&other)]);
    let diff: Value = serde_json::from_str(&said.out).unwrap();
    let kept = site(&diff, "kept");
    assert_eq!(
        (&kept["before"]["allocated"]["blocks"], &kept["after"]["live"]["blocks"]),
        (&20_000.into(), &10_001.into())
    );
    assert!(run(&["trace", "diff", text(&path), text(&other)]).out.contains("kept  program.c:8"));
}

#[test]
fn a_program_that_is_killed_leaves_all_its_calls() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    // Short of a chunk, and after some.
    for many in [1, 37, 9000] {
        let many_text = many.to_string();
        let words = [many_text.as_str(), "kill"];
        let (path, said) = record(&place, &format!("killed-{many}.trace"), &program, &words);
        assert_eq!(said.signal, Some(9), "{said:?}");
        let info = info(&path);
        assert_eq!((&info["ending"]["exited"], &info["ending"]["cut"]), (&false.into(), &false.into()));
        assert_eq!(site(&info, "kept")["live"]["blocks"], many - many / 2);
        assert_eq!(info["calls"]["free"], many + many / 2 + 1);
    }
}

#[test]
fn a_tool_that_is_killed_leaves_whole_chunks() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let whole = record(&place, "whole.trace", &program, &["20000"]).0;
    let bytes = fs::read(&whole).unwrap();
    let all = info(&whole)["events"].as_u64().unwrap();
    let mut before = 0;
    for part in 1..8 {
        let cut = place.path(format!("cut-{part}.trace"));
        fs::write(&cut, &bytes[..bytes.len() * part / 8]).unwrap();
        let info = info(&cut);
        let events = info["events"].as_u64().unwrap();
        assert!(events >= before && events <= all && info["ending"]["cut"] == true, "{part}: {info}");
        assert_eq!((&info["anomalies"], &info["damaged"]), (&0.into(), &0.into()), "{part}");
        before = events;
    }
    assert!(before > all / 2);
    // A tool that is killed while it records: the program, whose output nobody waits for, ends when its input does.
    let path = place.path("live.trace");
    let line = format!("{} 60000; exec cat", text(&program));
    let mut tool = metes(&["trace", "-o", text(&path), "--", "sh", "-c", &line])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_long = |file: &fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        name.starts_with("live.trace.") && file.metadata().unwrap().len() > 10_000
    };
    let child = || fs::read_dir(place.path("")).unwrap().flatten().find(is_long);
    let begin = std::time::Instant::now();
    while child().is_none() && begin.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    tool.kill().unwrap();
    tool.wait().unwrap();
    let info = info(&child().unwrap().path());
    assert!(info["events"].as_u64().unwrap() > 20_000 && info["anomalies"] == 0, "{info}");
}

#[test]
fn threads_that_free_each_others_blocks_are_in_order() {
    let place = Place::new();
    let program = place.program("threads.c", THREADS, &["-pthread"]);
    let path = place.path("threads.trace");
    let said = run(&["trace", "record", "--no-stacks", "-o", text(&path), "--", text(&program)]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let info = info(&path);
    assert_eq!((&info["anomalies"], &info["unknown"]), (&0.into(), &0.into()));
    assert!(info["calls"]["malloc"].as_u64().unwrap() >= 4 * (5000 + 312));
    assert!(info["live"]["blocks"].as_u64().unwrap() < 10, "{info}");
    let others = info["threads"].as_array().unwrap().iter().map(|thread| thread["freed_of_others"].as_u64().unwrap());
    assert!(others.sum::<u64>() >= 64 && info["threads"].as_array().unwrap().len() == 5, "{info}");
    assert!(info["file_bytes"].as_u64().unwrap() < 3 * info["events"].as_u64().unwrap());
}

#[test]
fn raw_files_are_read_and_packed() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let raw = place.path("raw");
    let options = format!("trace={},trace_stacks=8", text(&raw));
    let status = Command::new(&program).arg("5000").env("LD_PRELOAD", library()).env("METES_OPTIONS", options).status();
    assert_eq!(status.unwrap().code(), Some(3));
    let packed = place.path("packed.trace");
    let said = run(&["trace", "pack", text(&raw), text(&packed)]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let (of_raw, of_packed) = (info(&raw), info(&packed));
    assert!(of_packed["file_bytes"].as_u64().unwrap() * 5 < of_raw["file_bytes"].as_u64().unwrap());
    // Of so short a run it is only about known how long a tick takes: times differ by some nanoseconds.
    for same in ["calls", "allocated", "live", "sizes", "reallocs", "ending", "program", "pid", "anomalies"] {
        assert_eq!(of_raw[same], of_packed[same], "{same}");
    }
    // The names are in the trace, and not in the raw file.
    fs::remove_file(&program).unwrap();
    assert_eq!(site(&info(&packed), "kept")["allocated"]["blocks"], 5000);
    assert_eq!(info(&raw)["sites"][0]["frames"][0]["line"], Value::Null);
    run(&["trace", "pack", text(&raw), text(&packed)]).refused(2, "File exists");
    run(&["trace", "pack", text(&packed), text(&place.path("none"))]).refused(2, "is no raw trace of metes");
    run(&["trace", "pack", "/dev/null", text(&place.path("none"))]).refused(2, "is no regular file");
    assert!(!place.path("none").exists());
}

#[test]
fn each_process_and_each_program_has_a_trace() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &[]);
    let (path, said) = record(&place, "exec.trace", &program, &["100", "exec"]);
    assert_eq!(said.status, Some(3), "{said:?}");
    // The trace is of what the program has become.
    assert_eq!(site(&info(&path), "kept")["allocated"]["blocks"], 10);
    let names = |start: &str| place.names().into_iter().filter(|name| name.starts_with(start)).collect::<Vec<_>>();
    let before = names("exec.trace.");
    assert_eq!(before.len(), 1);
    assert_eq!(site(&info(&place.path(&before[0])), "kept")["allocated"]["blocks"], 100);
    let (path, said) = record(&place, "fork.trace", &program, &["100", "fork"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert_eq!(site(&info(&path), "kept")["allocated"]["bytes"], 10_000);
    let child = names("fork.trace.");
    assert_eq!(child.len(), 1);
    assert_eq!(site(&info(&place.path(&child[0])), "kept")["allocated"]["bytes"], 77);
}

#[test]
fn other_formats_are_written() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-g"]);
    let (path, _) = record(&place, "a.trace", &program, &["1000"]);
    let export = |name: &str| {
        let out = place.path(name);
        let said = run(&["trace", "export", text(&path), "-o", text(&out)]);
        assert_eq!(said.status, Some(0), "{said:?}");
        fs::read(out).unwrap()
    };
    let csv = String::from_utf8(export("a.csv")).unwrap();
    let events = info(&path)["events"].as_u64().unwrap() as usize;
    assert_eq!(csv.lines().count(), events + 1);
    assert_eq!(csv.lines().filter(|line| line.contains(",calloc,") && line.contains(",100,0,")).count(), 1000);
    assert!(export("a.pb.gz").starts_with(&[0x1f, 0x8b]));
    let folded = String::from_utf8(export("a.folded")).unwrap();
    assert!(folded.lines().any(|line| line.ends_with(";main;growing 4096000")), "{folded}");
    let mut lines = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&export("a.gz")[..]), &mut lines).unwrap();
    assert!(lines.starts_with("v 10400 3\nX "), "{lines:.100}");
    assert_eq!(
        lines.lines().filter(|line| line.starts_with("+ ")).count(),
        info(&path)["allocated"]["blocks"].as_u64().unwrap() as usize
    );
    assert!(lines.lines().any(|line| line == "s 4 kept"));
    let again = run(&["trace", "export", text(&path), "-o", text(&place.path("a.csv"))]);
    again.refused(2, "File exists");
    assert_eq!(fs::read_to_string(place.path("a.csv")).unwrap(), csv);
    run(&["trace", "export", text(&path), "-o", "a.txt"]).refused(2, "its name says no format");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let place = Place::new();
    let there = place.write("there", "kept");
    run(&["trace", "-o", text(&there), "--", "true"]).refused(2, "File exists");
    assert_eq!(fs::read_to_string(&there).unwrap(), "kept");
    run(&["trace", "info", text(&there)]).refused(2, "is no trace of metes");
    run(&["trace", "info", "/no/such/trace"]).refused(2, "No such file");
    run(&["trace", "-o", "/no/such/directory/x", "--", "true"]).refused(2, "No such file");
    run(&["trace", "-o", text(&place.path("x")), "--", "no-such-program"]).refused(127, "no-such-program");
    assert!(!place.path("x").exists());
    let program = place.program("program.c", PROGRAM, &[]);
    let (path, _) = record(&place, "some.trace", &program, &["10"]);
    run(&["trace", "info", "--from=-1", text(&path)]).refused(2, "--from");
    run(&["run", "--trace", "/dev/full", "--", "true"]).refused(2, "File exists");
    run(&["run", "--trace-stacks", "3", "--", "true"]).usage("--trace <FILE>");
    run(&["trace"]).usage("--output <FILE>");
    // A program that allocates nothing.
    let nothing = place.program("nothing.c", "int main(void) { return 0; }", &[]);
    let (path, said) = record(&place, "nothing.trace", &nothing, &[]);
    said.refused(2, "nothing was recorded");
    assert!(!path.exists());
}
