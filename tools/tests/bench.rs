//! `metes bench`: which runs count, and what is made of them. No test looks at how long anything took.

mod common;

use common::{Place, library, metes, run};
use serde_json::Value;
use std::fs;

const PROGRAM: &str = "#include <stdlib.h>\n#include <string.h>\nint main(void) { char *p = malloc(30 << 20); memset(p, 1, 30 << 20); return p[5] != 1; }\n";

fn rows(args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let said = run(&[&["bench", "--json", "--rounds", "2"], args].concat());
    let rows = serde_json::from_str::<Value>(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    (said.status, rows.as_array().unwrap().clone())
}

#[test]
fn each_allocator_runs_in_each_round() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &[]).display().to_string();
    let other = place.path("libother.so");
    fs::copy(library(), &other).unwrap();
    // The tool's own memory is not the program's.
    let (status, small) = rows(&["--only", "glibc", "--", "true"]);
    assert!(
        status == Some(0) && small[0]["runs"][0]["peak_kib"].as_f64().is_some_and(|peak| peak > 100.0 && peak < 4000.0),
        "{small:?}"
    );
    let given = format!("other={}", other.display());
    let (status, rows) = rows(&["--only", "glibc,metes,other", "--allocator", &given, "--", &program]);
    assert_eq!((status, rows.len()), (Some(0), 3), "{rows:?}");
    for (row, name) in rows.iter().zip(["glibc", "metes", "other"]) {
        assert_eq!((row["name"].as_str(), row["failures"].as_array().unwrap().len()), (Some(name), 0), "{row}");
        let runs = row["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        for run in runs {
            // The program touches 30 MiB, in pages of 2 MiB at the most.
            assert!(run["peak_kib"].as_f64().unwrap() > 30_000.0 && run["faults"].as_f64().unwrap() > 15.0, "{run}");
            assert!(run["wall"].as_f64().unwrap() > 0.0 && run["cpu"].as_f64().unwrap() >= 0.0, "{run}");
        }
    }
}

#[test]
fn a_run_without_the_allocator_or_with_another_one_does_not_count() {
    let (status, without) = rows(&["--only", "glibc,metes", "--", "env", "-u", "LD_PRELOAD", "true"]);
    assert_eq!(status, Some(1));
    assert_eq!((without[0]["runs"].as_array().unwrap().len(), without[1]["runs"].as_array().unwrap().len()), (2, 0));
    assert_eq!(without[1]["failures"][0].as_str(), Some("the allocator was not loaded"));
    let preload = format!("LD_PRELOAD={}", library().display());
    let (status, with) = rows(&["--only", "glibc", "--", "env", &preload, "true"]);
    assert_eq!((status, with[0]["runs"].as_array().unwrap().len()), (Some(1), 0));
    // One that was not asked for is seen all the same.
    assert_eq!(with[0]["failures"][0].as_str(), Some("metes was loaded too"));
}

#[test]
fn programs_that_fail_are_named() {
    let said = run(&["bench", "--only", "glibc,metes", "--rounds", "2", "--", "sh", "-c", "exit 3"]);
    let wanted = "glibc: does not count: ended with status 3\nmetes: does not count: ended with status 3\n";
    assert!(said.status == Some(1) && said.out.ends_with(wanted), "{said:?}");
    let said = run(&["bench", "--only", "metes", "--rounds", "1", "--", "sh", "-c", "kill -ABRT $$"]);
    assert!(said.out.ends_with("metes: does not count: ended by signal 6\n"), "{said:?}");
    // Signals that a program gets are its own: this one goes on.
    let said = run(&["bench", "--only", "glibc", "--rounds", "1", "--", "sh", "-c", "trap : USR1; kill -USR1 $$"]);
    assert!(said.status == Some(0) && said.out.lines().count() == 2, "{said:?}");
}

#[test]
fn the_table_and_the_chart_have_each_allocator() {
    let place = Place::new();
    let chart = place.write("chart.svg", "what was there before");
    let path = chart.to_str().unwrap();
    let said =
        run(&["bench", "--only", "glibc,metes", "--rounds", "1", "--output", "--chart", path, "--", "echo", "a < b"]);
    assert!(said.status == Some(0) && said.out.starts_with("a < b\na < b\nallocator "), "{said:?}");
    assert!(said.out.contains("\nglibc ") && said.out.contains("\nmetes "), "{said:?}");
    let svg = fs::read_to_string(&chart).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("echo a &lt; b") && svg.contains("MiB"), "{svg}");
    assert_eq!(svg.matches(" x=\"130\"").count(), 4, "{svg}");
    assert_eq!(place.names(), ["chart.svg"]);
}

#[test]
fn what_cannot_be_measured_is_said_in_one_line() {
    let place = Place::new();
    let mark = place.path("mark").display().to_string();
    let touch = ["--", "touch", &mark];
    for (args, words) in [
        (&["--allocator", "libmine.so"][..], "--allocator takes NAME=PATH"),
        (&["--allocator", "mine=/no/such/library"], "No such file or directory"),
        (&["--allocator", "mine=/etc/passwd"], "is no shared library"),
        (&["--allocator", "glibc=/lib/x86_64-linux-gnu/libm.so.6"], "there is an allocator of this name already"),
        (&["--allocator", "m=/lib/x86_64-linux-gnu/libm.so.6"], "exports no malloc"),
        (&["--only", "hoard"], "no such allocator; here are glibc, metes"),
        (&["--chart", "/no/such/place/x.svg"], "No such file or directory"),
        (&["--library", "/no/such/library"], "No such file or directory"),
    ] {
        run(&[&["bench"], args, &touch].concat()).refused(2, words);
    }
    run(&["bench", "--", "no-such-program"]).refused(2, "command not found");
    let program = place.program("still.c", "int main(void) { return 0; }\n", &["-static"]);
    run(&["bench", "--", program.to_str().unwrap()]).refused(2, "is statically linked");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = metes(&["bench", "--only", "glibc", "--rounds", "1", "--", "true"]).stdout(full).output().unwrap();
    common::Said::from(output).refused(2, "standard output: No space left on device");
    assert!(!place.path("mark").exists());
}
