//! `metes replay` and `metes map TRACE`, on traces that are made here word by word. No test looks at how long anything took.

mod common;

use common::{Place, library, metes, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const CHUNK: usize = 64 << 10;

/// A raw trace: the calls of threads, in one order.
#[derive(Default)]
struct Raw {
    clock: u64,
    /// By thread, its records.
    threads: Vec<Vec<u64>>,
    /// By thread, the clock of its first record and of its last.
    clocks: Vec<(u64, u64)>,
    blocks: u64,
}

impl Raw {
    fn call(&mut self, thread: usize, kind: u64, address: u64, more: &[u64]) {
        self.clock += 10;
        if self.threads.len() <= thread {
            self.threads.resize(thread + 1, Vec::new());
            self.clocks.resize(thread + 1, (self.clock, self.clock));
        }
        let passed = self.clock - std::mem::replace(&mut self.clocks[thread].1, self.clock);
        self.threads[thread].extend([passed, address | kind << 48]);
        self.threads[thread].extend(more);
    }

    fn malloc(&mut self, thread: usize, size: u64) -> u64 {
        self.blocks += 1;
        let address = self.blocks << 24;
        self.call(thread, 1, address, &[size]);
        address
    }

    fn realloc(&mut self, thread: usize, block: u64, size: u64) -> u64 {
        self.blocks += 1;
        let address = self.blocks << 24;
        self.call(thread, 5, address, &[size, block]);
        address
    }

    /// With the binary logarithm of an alignment.
    fn aligned(&mut self, thread: usize, size: u64, align: u64) -> u64 {
        self.blocks += 1;
        let address = self.blocks << 24;
        self.call(thread, 3, address, &[size | align << 40]);
        address
    }

    fn free(&mut self, thread: usize, block: u64) {
        self.call(thread, 6, block, &[]);
    }

    fn write(&self, path: &Path) -> PathBuf {
        let mut chunks = Vec::new();
        let (first, last) = (self.clocks.iter().map(|clocks| clocks.0).min().unwrap_or(0), self.clock);
        for (number, words) in self.threads.iter().enumerate() {
            assert!(words.len() * 8 + 64 <= CHUNK, "the calls of a thread fit into a chunk");
            let (begun, closed) = self.clocks[number];
            let number = number as u32 + 1;
            let mut chunk = [1, number, 0, 1].map(u32::to_le_bytes).concat();
            let head = [words.len() as u64 * 8, begun, begun, closed, closed, 0];
            chunk.extend(head.iter().chain(words).flat_map(|word| word.to_le_bytes()));
            chunk.resize(CHUNK, 0);
            chunks.extend(chunk);
        }
        let mut file = b"metes trace raw\n".to_vec();
        let count = self.threads.len() as u64;
        let words = [1, 4242, count, first, first, first, 0, 1, 0, 0, 0, 0];
        file.extend(words.iter().flat_map(|word: &u64| word.to_le_bytes()));
        file.resize(CHUNK, 0);
        file.extend(chunks);
        fs::write(path, file).unwrap();
        assert!(last >= first);
        path.to_owned()
    }
}

/// Three threads: two allocate, the third frees what they had, and all that is left grows.
fn known(place: &Place) -> String {
    let mut raw = Raw::default();
    let mut blocks = Vec::new();
    for number in 0..600 {
        let thread = number % 2;
        blocks.push(raw.malloc(thread, 16 + 7 * (number as u64 % 300)));
        if number % 3 == 2 {
            let block = blocks.swap_remove(blocks.len() / 2);
            raw.free(2, block);
        }
    }
    let large = raw.malloc(0, 3 << 20);
    let aligned = raw.aligned(1, 100, 12);
    raw.free(0, aligned);
    let grown = blocks.drain(..50).map(|block| raw.realloc(1, block, 40_000)).collect::<Vec<_>>();
    blocks.into_iter().chain(grown).chain([large]).for_each(|block| raw.free(2, block));
    raw.write(&place.path("known.trace")).display().to_string()
}

fn played(args: &[&str]) -> (Option<i32>, Value) {
    let said = run(&[&["replay", "--json", "--rounds", "1"], args].concat());
    let all = serde_json::from_str::<Value>(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    (said.status, all[0].clone())
}

#[test]
fn the_same_trace_on_the_same_policy_has_the_same_peak() {
    let place = Place::new();
    let trace = known(&place);
    let args = ["--only", "glibc,metes", "--set", "again:", "--set", "first:fit=first,slabs=off", &trace];
    let (status, one) = played(&args);
    let (_, other) = played(&args);
    assert_eq!((status, one["calls"].as_u64(), one["threads"].as_u64()), (Some(0), Some(1254), Some(3)), "{one}");
    assert_eq!((one["left_out"].as_u64(), &one["moments"]), (Some(0), &other["moments"]));
    let live = one["live_peak"].as_u64().unwrap();
    assert!(live > 5 << 20 && live < 6 << 20, "{live}");
    let (rows, again) = (one["rows"].as_array().unwrap(), other["rows"].as_array().unwrap());
    for (row, again) in rows.iter().zip(again) {
        let peak = row["peak"].as_u64().unwrap();
        assert!(peak >= live && peak < live + (3 << 20), "{row}");
        // What metes says of itself is the same to the byte; what the kernel says may differ by what the loader touched.
        assert_eq!(row["metes"], again["metes"], "{}", row["name"]);
        assert!(peak.abs_diff(again["peak"].as_u64().unwrap()) <= 2 * 4096, "{row}\n{again}");
        assert_eq!(row["resident"].as_array().unwrap().len(), one["moments"].as_array().unwrap().len());
    }
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(of("metes")["metes"], of("again")["metes"]);
    assert_ne!(of("metes")["metes"], of("first")["metes"], "the options reach the library");
    assert!(of("glibc")["metes"].is_null() && of("metes")["metes"][1].as_u64().unwrap() >= live);
}

#[test]
fn all_policies_serve_and_are_in_the_table_and_the_chart() {
    let place = Place::new();
    let trace = known(&place);
    let chart = place.path("chart.svg");
    let sets = ["best", "first", "worst"].map(|fit| format!("{fit}:fit={fit},slabs=off"));
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let more = ["--one-thread", "--touch", "none", "--rounds", "2", "--chart", chart.to_str().unwrap(), &trace];
    let said = run(&[&["replay"], &sets[..], &more].concat());
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].contains("known.trace: 1,254 calls by 3 threads; at most 5."), "{said:?}");
    let names: Vec<_> = lines[2..].iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["best", "first", "worst"], "{said:?}");
    let svg = fs::read_to_string(&chart).unwrap();
    for wanted in
        ["known.trace: 1,254 calls", ">best<", "prefers-color-scheme", "CPU time of a call", " ns <", ">calls<"]
    {
        assert!(svg.contains(wanted), "{wanted} is missing in {svg}");
    }
    assert_eq!(svg.matches("class=\"line l").count(), 3, "{svg}");
}

#[test]
fn an_allocator_by_preload_and_one_that_has_no_memory() {
    let place = Place::new();
    let mut raw = Raw::default();
    let block = raw.malloc(0, 100);
    raw.malloc(0, 1 << 39);
    raw.free(0, block);
    let trace = raw.write(&place.path("huge.trace")).display().to_string();
    // It has memory for nothing that is large; the others are told of it by the kernel.
    let small = r#"
#include <stddef.h>
extern void *__libc_malloc(size_t);
void *malloc(size_t size) { return size > 1 << 20 ? NULL : __libc_malloc(size); }
"#;
    let made = place.program("small.c", small, &["-shared", "-fPIC"]).display().to_string();
    let given = format!("small={made}");
    let args = ["--allocator", &given, "--only", "small,metes", "--touch", "none"];
    let (status, one) = played(&[&args, &["--set", "limited:limit=1g", &trace][..]].concat());
    let failure = |name: &str| {
        let row = one["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        row["failure"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(status, Some(1));
    assert!(failure("small").starts_with("got no memory for call "), "{one}");
    assert!(failure("limited").starts_with("got no memory for call "), "{one}");
    let (status, one) = played(&["--allocator", &given, "--only", "small", &known(&place)]);
    assert_eq!(status, Some(1), "the block of 3 MiB is too large for it: {one}");
    // Nobody writes to a block that is larger than the machine.
    run(&["replay", "--only", "metes", &trace]).refused(2, "--touch none writes to no block");
}

#[test]
fn a_process_that_dies_is_said_to_have_died() {
    let place = Place::new();
    let trace = known(&place);
    let dies = r#"
#include <stddef.h>
#include <signal.h>
#include <unistd.h>
extern void *__libc_realloc(void *, size_t);
extern void *__libc_malloc(size_t);
extern void *__libc_memalign(size_t, size_t);
extern void abort(void);
void *malloc(size_t size) { return __libc_malloc(size); }
int posix_memalign(void **p, size_t align, size_t size)
{
    if (align != 4096 || size != 100)
        abort();
    *p = __libc_memalign(align, size);
    return *p == NULL;
}
void *realloc(void *p, size_t size) { if (size == 40000) kill(getpid(), SIGKILL); return __libc_realloc(p, size); }
"#;
    let made = place.program("dies.c", dies, &["-shared", "-fPIC"]).display().to_string();
    let (status, one) = played(&["--allocator", &format!("dies={made}"), "--only", "dies,glibc", &trace]);
    let rows = one["rows"].as_array().unwrap();
    let why = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["failure"].as_str();
    assert_eq!((status, why("glibc")), (Some(1), None));
    assert!(why("dies").unwrap().starts_with("ended by signal 9"), "{one}");
}

#[test]
fn a_heap_of_a_trace_is_drawn_at_a_moment() {
    let place = Place::new();
    let trace = known(&place);
    let text = |args: &[&str]| {
        let said = run(&[&["map"], args, &[trace.as_str()]].concat());
        assert_eq!(said.status, Some(0), "{said:?}");
        said.out
    };
    let svg = text(&[]);
    // At the peak all but the frees of the end have been made.
    assert!(svg.contains("known.trace on metes, after 853 calls, 5.") && svg.contains("arena 0: "), "{svg}");
    // Another replay has the same heap at the same addresses, and only the time differs.
    let without_time = |svg: &str| svg.lines().filter(|line| !line.contains(" UTC")).collect::<Vec<_>>().join("\n");
    let heap = |svg: &str| without_time(svg).split("arena 0: ").nth(1).unwrap().to_owned();
    assert_eq!(heap(&svg), heap(&text(&[])));
    let svg = text(&["--at", "10%", "--set", "first:fit=first", "--set", "plain:slabs=off"]);
    for wanted in ["on first, after 125 calls", "on plain, after 125 calls"] {
        assert!(svg.contains(wanted), "{wanted}: {svg}");
    }
    assert_eq!(text(&["--film", "4"]).matches("known.trace on metes, after ").count(), 4);
    let film = place.path("film.png");
    let film = film.to_str().unwrap();
    let said = run(&["map", "--film", "3", "--animate", "-o", film, &trace]);
    assert!(said.status == Some(0) && said.out.contains("3 moments"), "{said:?}");
    assert!(fs::read(film).unwrap().windows(4).filter(|four| four == b"fcTL").count() == 3);
    run(&["map", "--film", "3", "--animate", &trace]).refused(2, "an animation is a PNG");
    run(&["map", "--at", "peak", "1"]).refused(2, "--at and --set need a trace");
}

#[test]
fn what_cannot_be_replayed_is_said_in_one_line() {
    let place = Place::new();
    let trace = known(&place);
    let other = place.write("other", "no trace at all, but longer than its magic number\n").display().to_string();
    let cut = place.path("cut.trace");
    fs::write(&cut, &fs::read(&trace).unwrap()[..CHUNK]).unwrap();
    for (args, words) in [
        (&["/no/such/trace"][..], "No such file or directory"),
        (&[other.as_str()], "is no trace of metes"),
        (&[cut.to_str().unwrap()], "there is no call in this trace"),
        (&["--set", "worst", &trace], "--set takes LABEL:KEY=VALUE"),
        (&["--set", "worst:fit=wurst", &trace], "bad value"),
        (&["--set", "a:", "--set", "a:fit=first", &trace], "there is a row of this name already"),
        (&["--only", "hoard", &trace], "no such allocator"),
        (&["--chart", "/no/such/place/x.svg", &trace], "No such file or directory"),
        (&["--library", "/no/such/library", &trace], "No such file or directory"),
    ] {
        run(&[&["replay"], args].concat()).refused(2, words);
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = metes(&["replay", "--only", "metes", "--rounds", "1", &trace]).stdout(full).output().unwrap();
    common::Said::from(output).refused(2, "standard output: No space left on device");
    assert!(library().exists());
}
