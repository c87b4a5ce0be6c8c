//! `metes options`: what is in force in a process.

mod common;
mod seen;

use common::{Place, run};
use seen::Seen;
use serde_json::Value;

/// Sets some options while it runs, and frees a large block: from then on the cutoff is larger.
const PROGRAM: &str = r#"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    if (argc > 1) {
        mallopt(M_TRIM_THRESHOLD, 1 << 20);
        mallopt(M_ARENA_MAX, 2);
    } else {
        free(malloc(1 << 20));
    }
    puts("ready");
    fflush(stdout);
    getchar();
}
"#;

/// What is in force of some options, and where it is from.
fn of(seen: &Seen, names: &[&str]) -> Vec<(String, String)> {
    let said = run(&["options", "--json", &seen.pid()]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let all: Value = serde_json::from_str(&said.out).unwrap();
    let one = |name: &&str| {
        let option = all.as_array().unwrap().iter().find(|option| option["name"] == *name).unwrap();
        (option["value"].as_str().unwrap().to_owned(), option["from"].as_str().unwrap().to_owned())
    };
    names.iter().map(one).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(value, from)| (value.to_owned(), from.to_owned())).collect()
}

#[test]
fn each_option_says_where_it_is_from() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &[]);
    let options = "arenas=4,purge=eager,purge=bad,report=/no/%p,limit=1g,guard=on,decay_ms=5,decay_ms=7,help";
    let seen = Seen::preloaded(&program, &["x"], options);
    let names =
        ["arenas", "dirty_max", "purge", "report", "limit", "guard", "decay_ms", "fill", "suppressions", "cutoff"];
    let environment = "the environment";
    let wanted = [
        ("2", "the process, later (the environment has 4)"),
        ("1m", "the process, later"),
        ("eager", environment),
        ("/no/%p", environment),
        ("1g", environment),
        ("5000", environment),
        ("7", environment),
        ("off", "the default"),
        ("", "the default"),
        ("256k", "the default"),
    ];
    assert_eq!(of(&seen, &names), pairs(&wanted));
    let table = run(&["options", &seen.pid()]).out;
    let line = table.lines().find(|line| line.starts_with("suppressions ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["suppressions", "none", "none", "the", "default"]);
    assert!(!table.contains("\nhelp"), "{table}");
}

#[test]
fn what_follows_from_other_things_is_said() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &[]);
    let follows = Seen::preloaded(&program, &[], "");
    let all = of(&follows, &["cutoff", "guard", "fill"]);
    assert!(all[0].0 != "256k" && all[0].1 == "the process: it follows what is freed", "{all:?}");
    assert_eq!(all[2], ("off".to_owned(), "the default".to_owned()));
    let checked = Seen::preloaded(&program, &["x"], "checks=full");
    let wanted = [("5000", "that blocks are checked"), ("junk", "the default"), ("yes", "the default")];
    assert_eq!(of(&checked, &["guard", "fill", "abort"]), pairs(&wanted));
    let off = Seen::preloaded(&program, &["x"], "checks=off");
    assert_eq!(of(&off, &["abort"]), pairs(&[("ignore", "checks=off: nothing is reported")]));
}

#[test]
fn a_process_without_metes_has_none() {
    run(&["options", &std::process::id().to_string()]).refused(2, "does not run on metes");
}
