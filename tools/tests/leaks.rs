//! `metes leaks`: known leaks of programs, with their exact counts and sites.

mod common;
mod seen;

use common::{Place, Said, run};
use seen::Seen;
use serde_json::Value;

/// What all C programs here have. `scrub` leaves no pointer below the stack pointer, nor in registers.
const HEAD: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define LINE __attribute__((noinline))
#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")
struct node { struct node *next; char text[40]; };
struct node *volatile kept;
LINE struct node *make(const char *text) { struct node *n = calloc(1, sizeof *n); strcpy(n->text, text); return n; }
LINE void scrub(void) { volatile char all[8192]; memset((void *)all, 0, sizeof all); }
"#;

/// Three leaks that lead to one block each, a ring of two, a mapping, and a list that is kept.
const LOSES: &str = r#"
LINE void lose(void) { for (int i = 0; i < 3; i++) { struct node *n = make("lost"); n->next = make("inside"); KEEP(n); } }
LINE void ring(void) { struct node *a = make("ring"), *b = make("ring"); a->next = b; b->next = a; KEEP(a); }
LINE void large(void) { void *p = malloc(3000000); KEEP(p); }
int main(int argc, char **argv)
{
    kept = make("kept");
    kept->next = (struct node *)((char *)make("kept") + 8);
    lose();
    ring();
    large();
    scrub();
    puts("ready");
    fflush(stdout);
    if (argc < 2)
        getchar();
    return 3;
}
"#;

/// The only pointers to three blocks are in a register, on the stack, and in the storage of another thread.
const THREADS: &str = r#"
static __thread struct node *volatile mine;
static void *work(void *ready)
{
    struct node *volatile here = make("stack");
    mine = make("storage");
    struct node *there = make("register");
    make("lost");
    scrub();
    pthread_barrier_wait(ready);
    for (;;)
        __asm__ volatile("" : "+r"(there) : "r"(&here) : "memory");
}
int main(void)
{
    pthread_t thread;
    pthread_barrier_t ready;
    pthread_barrier_init(&ready, 0, 2);
    pthread_create(&thread, 0, work, &ready);
    pthread_barrier_wait(&ready);
    puts("ready");
    fflush(stdout);
    getchar();
    _exit(0);
}
"#;

fn source(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

/// Runs `metes leaks`, and reads what it writes to a file.
#[track_caller]
fn leaks(place: &Place, status: i32, args: &[&str]) -> Value {
    let path = place.path("leaks.json");
    let said = run(&[&["leaks", "-o", path.to_str().unwrap()], args].concat());
    assert_eq!(said.status, Some(status), "{said:?}");
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Blocks and bytes of the sites in which a function stands innermost but for `make`, and which are reached so.
fn of(leaks: &Value, function: &str, reach: &str) -> (u64, u64) {
    let is_it = |site: &&Value| {
        let frames = site["frames"].as_array().unwrap();
        let mut functions = frames.iter().map(|frame| frame["function"].as_str().unwrap());
        site["reach"] == reach && functions.find(|name| *name != "make") == Some(function)
    };
    sum(leaks["sites"].as_array().unwrap().iter().filter(is_it))
}

/// The same of sites whose calls are not known, by the bytes of a block.
fn of_size(leaks: &Value, size: u64, reach: &str) -> (u64, u64) {
    sum(leaks["sites"].as_array().unwrap().iter().filter(|site| site["size"] == size && site["reach"] == reach))
}

fn sum<'a>(sites: impl Iterator<Item = &'a Value>) -> (u64, u64) {
    sites.fold((0, 0), |sum, site| (sum.0 + site["blocks"].as_u64().unwrap(), sum.1 + site["bytes"].as_u64().unwrap()))
}

fn total(leaks: &Value, reach: &str) -> (u64, u64) {
    (leaks[reach]["blocks"].as_u64().unwrap(), leaks[reach]["bytes"].as_u64().unwrap())
}

#[track_caller]
fn loses_are_found(leaks: &Value) {
    assert_eq!((of(leaks, "lose", "direct"), of(leaks, "lose", "indirect")), ((3, 144), (3, 144)), "{leaks}");
    assert_eq!((of(leaks, "ring", "direct"), of(leaks, "ring", "indirect")), ((1, 48), (1, 48)), "{leaks}");
    assert_eq!(of(leaks, "large", "direct"), (1, 3_000_000), "{leaks}");
    assert_eq!((total(leaks, "direct"), total(leaks, "indirect")), ((5, 3_000_192), (4, 192)), "{leaks}");
}

#[test]
fn a_c_program_says_at_its_exit_what_it_has_lost() {
    let place = Place::new();
    let program = place.program("loses.c", &source(LOSES), &["-pthread"]);
    let program = program.to_str().unwrap();
    // The program's own exit status.
    let all = leaks(&place, 3, &["--", program, "x"]);
    loses_are_found(&all);
    let large = all["sites"].as_array().unwrap().iter().find(|site| site["bytes"] == 3_000_000).unwrap();
    let frame = &large["frames"][0];
    let line = source(LOSES).lines().position(|line| line.contains("void large(")).unwrap() + 1;
    assert!(frame["file"].as_str().unwrap().ends_with("loses.c") && frame["line"] == line, "{frame}");
    // Where one frame is told apart, all come from `make`, but for the mapping.
    let one = leaks(&place, 3, &["--depth", "1", "--", program, "x"]);
    assert_eq!(one["sites"].as_array().unwrap().len(), 3, "{one}");
    let known = place.write("known", "leak:ring\nleak:loses.c:nothing\n");
    let fewer = leaks(&place, 3, &["--suppressions", known.to_str().unwrap(), "--", program, "x"]);
    assert_eq!((total(&fewer, "direct"), total(&fewer, "suppressed")), ((4, 3_000_144), (2, 96)), "{fewer}");
}

#[test]
fn a_running_c_program_is_searched_and_goes_on() {
    let place = Place::new();
    let program = place.program("loses.c", &source(LOSES), &["-pthread"]);
    for (options, has_sites) in [("", false), ("debug=1", true), ("debug=1,guard=off", true), ("profile=64", false)] {
        let mut seen = Seen::preloaded(&program, &[], options);
        let pid = seen.pid().to_string();
        let all = leaks(&place, 0, &[&pid]);
        assert_eq!((total(&all, "direct"), total(&all, "indirect")), ((5, 3_000_192), (4, 192)), "{options}: {all}");
        if has_sites {
            loses_are_found(&all);
            assert_eq!(all["search"]["known"], 3_000_384, "{all}");
        } else if options.is_empty() {
            assert_eq!((of_size(&all, 48, "direct"), of_size(&all, 48, "indirect")), ((4, 192), (4, 192)), "{all}");
            assert_eq!(of_size(&all, 3_000_000, "direct"), (1, 3_000_000), "{all}");
        } else {
            // One byte in 64: of the mapping it is sure.
            assert_eq!(of(&all, "large", "direct"), (1, 3_000_000), "{all}");
        }
        assert!(all["search"]["stopped_ms"].as_f64().unwrap() > 0.0 && all["search"]["threads"] == 1, "{all}");
        let text = run(&["leaks", "--fail", &pid]);
        assert!(text.status == Some(1) && text.out.contains(" 5 blocks leaked, and 192 B in 4 blocks"), "{text:?}");
        // It reads on, and ends as it would have.
        assert_eq!(seen.finish(), Some(3), "{options}");
    }
}

#[test]
fn what_only_another_thread_holds_is_no_leak() {
    let place = Place::new();
    let program = place.program("threads.c", &source(THREADS), &["-pthread"]);
    let seen = Seen::preloaded(&program, &[], "debug=1");
    let all = leaks(&place, 0, &[&seen.pid().to_string()]);
    assert_eq!((of(&all, "work", "direct"), total(&all, "indirect")), ((1, 48), (0, 0)), "{all}");
    assert_eq!((total(&all, "direct"), &all["search"]["threads"]), ((1, 48), &Value::from(2)), "{all}");
    let text = run(&["leaks", "--no-stop", "--json", &seen.pid().to_string()]);
    let free: Value = serde_json::from_str(&text.out).unwrap();
    // Nobody has read the registers.
    let search = &free["search"];
    assert_eq!((search["threads"] == 0, search["stopped_ms"].is_null()), (true, true), "{free}");
    assert!(search["blocks"] == all["search"]["blocks"] && !search["notes"].as_array().unwrap().is_empty(), "{free}");
}

#[test]
fn objects_of_cpp_are_told_by_their_class() {
    let place = Place::new();
    let text = r#"
#include <cstdio>
#include <memory>
#include <vector>
namespace farm {
struct animal { virtual ~animal() {} long weight = 1; };
struct cow : animal { std::shared_ptr<cow> other; std::vector<int> milk; };
__attribute__((noinline)) void lose() {
    for (int i = 0; i < 4; i++) { cow *lost = new cow; lost->milk.resize(100); __asm__ volatile("" : : "r"(lost) : "memory"); }
}
__attribute__((noinline)) void ring() {
    auto a = std::make_shared<cow>(), b = std::make_shared<cow>();
    a->other = b;
    b->other = a;
}
}
__attribute__((noinline)) void scrub() { volatile char all[8192]; for (auto &c : all) c = 0; }
int main(int argc, char **) {
    farm::lose();
    farm::ring();
    scrub();
    std::puts("ready");
    std::fflush(stdout);
    if (argc < 2) std::getchar();
}
"#;
    let program = place.program("farm.cpp", text, &[]);
    let at_exit = leaks(&place, 1, &["--fail", "--", program.to_str().unwrap(), "x"]);
    assert_eq!((total(&at_exit, "direct").0, total(&at_exit, "indirect")), (5, (5, 4 * 400 + 72)), "{at_exit}");
    let sites = at_exit["sites"].as_array().unwrap();
    let has = |name: &str| {
        sites.iter().any(|site| site["frames"].as_array().unwrap().iter().any(|frame| frame["function"] == name))
    };
    assert!(has("farm::lose()") && has("farm::ring()"), "{at_exit}");
    let seen = Seen::preloaded(&program, &[], "");
    let all = leaks(&place, 0, &[&seen.pid().to_string()]);
    let of = |symbol: &str| {
        let sites = all["sites"].as_array().unwrap().iter();
        sum(sites.filter(|site| site["symbol"].as_str().is_some_and(|name| name.starts_with(symbol)))).0
    };
    assert_eq!((of("vtable for farm::cow"), of("vtable for std::_Sp_counted_ptr_inplace<farm::cow")), (4, 2), "{all}");
}

#[test]
fn a_rust_program_loses_what_it_forgets_but_not_what_it_leaks_into_a_static() {
    let place = Place::new();
    let text = r#"
use std::hint::black_box;
use std::sync::Mutex;
static KEPT: Mutex<Option<&'static mut [u8; 500]>> = Mutex::new(None);
#[inline(never)]
fn keep() { *KEPT.lock().unwrap() = Some(Box::leak(Box::new([1; 500]))); }
#[inline(never)]
fn forget() { std::mem::forget(black_box(Box::new([2_u8; 700]))); }
#[inline(never)]
fn leak() { black_box(Box::leak(vec![3_u32; 300].into_boxed_slice())); }
fn main() { keep(); forget(); leak(); println!("{}", KEPT.lock().unwrap().as_ref().unwrap()[0]); }
"#;
    let program = place.program("forgets.rs", text, &[]);
    let all = leaks(&place, 0, &["--depth", "16", "--", program.to_str().unwrap()]);
    let of = |name: &str| {
        let sites = all["sites"].as_array().unwrap().iter();
        let has = |site: &&Value| {
            site["frames"].as_array().unwrap().iter().any(|frame| frame["function"].as_str().unwrap().ends_with(name))
        };
        sum(sites.filter(has))
    };
    assert_eq!((of("::forget"), of("::leak"), of("::keep")), ((1, 700), (1, 1200), (0, 0)), "{all}");
    assert_eq!(total(&all, "direct"), (2, 1900), "{all}");
}

#[test]
fn real_programs_have_the_leaks_that_they_are_given() {
    let place = Place::new();
    // Blocks of the C library's malloc that nobody frees, and one that an object keeps.
    let script = "import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\n\
                  for _ in range(7): c.malloc(4321)\nkept = ctypes.c_void_p(c.malloc(4321))\nprint('ready', flush=True)\ninput()\n";
    let script = place.write("script.py", script);
    let seen = Seen::preloaded("python3", &[script.to_str().unwrap()], "debug=1,guard=off,depth=2");
    let all = leaks(&place, 0, &[&seen.pid().to_string()]);
    let lost = sum(all["sites"].as_array().unwrap().iter().filter(|site| site["bytes"] == 7 * 4321));
    assert_eq!(lost, (7, 7 * 4321), "{all}");
    let sql = "create table t(a, b); insert into t select value, hex(value) from generate_series(1, 2000); select count(*) from t;";
    let sqlite = leaks(&place, 0, &["--fail", "--", "sqlite3", ":memory:", sql]);
    assert_eq!((total(&sqlite, "direct"), total(&sqlite, "indirect")), ((0, 0), (0, 0)), "{sqlite}");
}

#[test]
fn two_lists_are_held_against_each_other() {
    let place = Place::new();
    let source = |more: &str| {
        format!(
            "{HEAD}LINE void a(void) {{ KEEP(make(\"a\")); }}\nLINE void b(void) {{ KEEP(make(\"b\")); }}\n\
                 LINE void c(void) {{ KEEP(make(\"c\")); }}\nint main(void) {{ {more} scrub(); return 0; }}\n"
        )
    };
    let file = |name: &str, calls: &str| {
        let program = place.program(&format!("{name}.c"), &source(calls), &["-pthread"]);
        let path = place.path(format!("{name}.json"));
        let said = run(&["leaks", "-o", path.to_str().unwrap(), "--", program.to_str().unwrap()]);
        assert_eq!(said.status, Some(0), "{said:?}");
        path.to_str().unwrap().to_owned()
    };
    let (before, after) = (file("before", "a(); b();"), file("after", "a(); for (int i = 0; i < 5; i++) b(); c();"));
    let diff = |args: &[&str]| run(&[&["leaks", "diff", "--json"], args].concat());
    let changes = |said: &Said| {
        let all: Value = serde_json::from_str(&said.out).unwrap();
        let of = |one: &Value| {
            let blocks = |when: &str| one[when]["blocks"].as_u64().unwrap();
            (
                one["change"].as_str().unwrap().to_owned(),
                one["frames"][1]["function"].clone(),
                blocks("before"),
                blocks("after"),
            )
        };
        all.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let said = diff(&[&before, &after, "--fail"]);
    assert_eq!(changes(&said), [("new".into(), "c".into(), 0, 1), ("grown".into(), "b".into(), 1, 5)], "{said:?}");
    assert_eq!(said.status, Some(1));
    let back = diff(&[&after, &before, "--fail"]);
    assert_eq!(changes(&back), [("shrunk".into(), "b".into(), 5, 1), ("gone".into(), "c".into(), 1, 0)], "{back:?}");
    assert_eq!(back.status, Some(0));
    assert_eq!(diff(&[&before, &before]).out.trim(), "[]");
}

#[test]
fn what_is_no_process_program_or_file_is_said_in_one_line() {
    let place = Place::new();
    run(&["leaks", "4000000000"]).refused(2, "there is no such process");
    run(&["leaks", &std::process::id().to_string()]).refused(2, "does not run on metes");
    run(&["leaks", "--", "/no/such/program"]).refused(127, "No such file or directory");
    let other = place.write("other.json", "{\"format\": \"metes leaks 99\"}");
    let none = place.write("none.json", "{\"a\": 1");
    let (other, none) = (other.to_str().unwrap(), none.to_str().unwrap());
    run(&["leaks", "diff", other, other]).refused(2, "of another version");
    run(&["leaks", "diff", none, none]).refused(2, "is no file of metes leaks");
    run(&["leaks", "--suppressions", "/no/such/file", "1"]).refused(2, "/no/such/file: No such file");
}

#[test]
fn a_program_that_is_killed_was_not_searched() {
    let said = run(&["leaks", "--json", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!((said.signal, said.out.as_str()), (Some(9), ""), "{said:?}");
    assert!(said.err.ends_with("sh: was not searched for leaks when it ended\n"), "{said:?}");
}
