//! Real programs do under `guard=N` what they do without metes, and metes reports nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Programs that nearly every machine has, with something to do. `$0` is a C source.
const LOADS: [(&str, &str); 6] = [
    ("gcc", "gcc -O2 -S -o - \"$0\""),
    ("perl", "perl -e 'my %h; $h{\"k$_\"} = \"v$_\" x 3 for 1..50000; print join \",\", sort keys %h'"),
    ("git", "git diff --no-index --stat --patience /dev/null \"$0\" || true"),
    ("sort", "seq 200000 | sort -r --parallel=4 | tail -3"),
    ("bash", "bash -c 'for i in $(seq 200); do x=$(echo $i); done; echo $x'"),
    (
        "python3",
        "python3 -c 'import json, threading, subprocess\n\
         work = lambda: json.loads(json.dumps([[str(i)] * 5 for i in range(20000)]))\n\
         threads = [threading.Thread(target=work) for _ in range(4)]\n\
         [t.start() for t in threads], [t.join() for t in threads]\n\
         print(len(work()), subprocess.check_output([\"echo\", \"hi\"]))'",
    ),
];

fn run(load: &str, source: &Path, options: Option<&str>) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = env::var_os("METES_LIB_DIR").map_or_else(|| root.join("target/release"), PathBuf::from);
    let mut command = Command::new("sh");
    command.arg("-c").arg(load).arg(source).env_remove("METES_OPTIONS");
    // Otherwise Python's own allocator would serve most requests.
    command.env("PYTHONMALLOC", "malloc");
    if let Some(options) = options {
        command.env("LD_PRELOAD", folder.join("libmetes.so")).env("METES_OPTIONS", options);
    }
    command.output().unwrap()
}

#[test]
fn nothing_is_reported_of_programs_that_do_no_wrong() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/c_tests/guarded");
    fs::create_dir_all(&place).unwrap();
    let source = place.join("source.c");
    let functions =
        (0..200).map(|n| format!("int f{n}(int *p, int n) {{ while (n--) p[n] += {n} % (n + 1); return *p; }}\n"));
    fs::write(&source, functions.collect::<String>()).unwrap();
    let is_there = |tool: &str| Command::new("which").arg(tool).output().is_ok_and(|found| found.status.success());
    let mut ran = 0;
    for (_, load) in LOADS.iter().filter(|(tool, _)| is_there(tool)) {
        let plain = run(load, &source, None);
        for options in ["guard=1", "guard=3", "guard=100"] {
            let guarded = run(load, &source, Some(options));
            let errors = String::from_utf8_lossy(&guarded.stderr);
            assert!(guarded.status == plain.status && guarded.stdout == plain.stdout, "{options} {load}: {errors}");
            assert!(!errors.contains("metes:"), "{options} {load}: {errors}");
        }
        ran += 1;
    }
    assert!(ran >= 3, "too few of the programs are installed");
}
