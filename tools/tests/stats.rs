//! `metes stats` and `metes snapshot` on real programs: the figures are those of the program and of the kernel.

mod seen;

use seen::{Place, Seen, built, fails, metes, together, tool};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn known(place: &Place) -> Seen {
    let library = built("libmetes.so");
    let folder = library.parent().unwrap().to_str().unwrap();
    let program = place.program("known.c", &["-L", folder, "-lmetes", &format!("-Wl,-rpath,{folder}")]);
    Seen::start(&mut Command::new(program))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Objects of a size that the program has.
fn objects(stats: &Value, size: u64) -> u64 {
    let classes = stats["usage"]["classes"].as_array().unwrap();
    let class = classes.iter().find(|class| class["size"] == size);
    class.map_or(0, |class| number(&class["objects"]) + number(&class["objects_in_mixed"]))
}

fn heap<'a>(stats: &'a Value, name: &str) -> &'a Value {
    stats["heaps"].as_array().unwrap().iter().find(|heap| heap["name"] == name).unwrap()
}

#[test]
fn what_a_program_has_is_what_the_figures_say() {
    let place = Place::new();
    let mut program = known(&place);
    let before = program.stats();
    for line in ["small", "named", "tagged", "large"] {
        assert_eq!(program.ask(line), format!("{line}\n"));
    }
    let after = program.stats();
    assert_eq!(after["torn"], 0);
    assert_eq!(objects(&after, 112) - objects(&before, 112), 5000);
    assert_eq!(number(&after["usage"]["mapping_count"]) - number(&before["usage"]["mapping_count"]), 3);
    let mapped = |stats: &Value| number(&stats["usage"]["mappings"]["resident"]);
    // Each has up to a page of its own in addition.
    let bytes = mapped(&after) - mapped(&before);
    assert!((6 << 20..=(6 << 20) + 3 * 4096).contains(&bytes), "{bytes}");
    let orders = heap(&after, "orders");
    assert_eq!((number(&orders["mallocs"]), number(&orders["frees"])), (1000, 0));
    assert_eq!((number(&orders["in_use_bytes"]), number(&orders["parts"]["in_use"]["bytes"])), (208_000, 208_000));
    let parsing = heap(&after, "parsing");
    assert_eq!((number(&parsing["mallocs"]), number(&parsing["in_use_bytes"])), (100, 100 * 1008));
    let call = |stats: &Value, name: &str| number(&stats["calls"][name]);
    let calls = ["malloc", "free"].map(|name| call(&after, name) - call(&before, name));
    // Those of the tag are among them.
    assert_eq!(calls, [10_000 + 100 + 3, 5_000]);
    // What a free block could serve, it serves: without a new region.
    let (largest, held) = (number(&orders["largest_free_bytes"]), number(&orders["held_bytes"]));
    assert_eq!(program.ask(&format!("block {largest}")), format!("block {largest}\n"));
    let full = program.stats();
    assert_eq!(number(&heap(&full, "orders")["held_bytes"]), held);
    assert!(number(&heap(&full, "orders")["largest_free_bytes"]) < largest);
}

#[test]
fn what_a_thread_has_in_its_cache_is_not_in_use() {
    let place = Place::new();
    let mut program = known(&place);
    let before = program.stats();
    assert_eq!(program.ask("thread"), "thread\n");
    let after = program.stats();
    assert_eq!(objects(&after, 48), objects(&before, 48));
    let cached: u64 = after["caches"].as_array().unwrap().iter().map(|cache| number(&cache["objects"])).sum();
    let cached_before: u64 = before["caches"].as_array().unwrap().iter().map(|cache| number(&cache["objects"])).sum();
    let threads =
        |stats: &Value| stats["caches"].as_array().unwrap().iter().filter(|cache| cache["thread"] != 0).count();
    assert_eq!((threads(&before), threads(&after)), (1, 2));
    assert!(cached > cached_before, "{cached} objects are cached");
}

/// A page that is not resident would be, if it were read: at least as the kernel's page of zeroes.
#[test]
fn looking_touches_no_page_of_the_process() {
    let place = Place::new();
    let mut program = known(&place);
    ["small", "named", "large"].iter().for_each(|line| assert_eq!(program.ask(line), format!("{line}\n")));
    let touched = || {
        let maps = fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
        let pagemap = fs::File::open(format!("/proc/{}/pagemap", program.pid())).unwrap();
        let mut count = 0;
        for line in maps.lines().filter(|line| !line.contains("[v")) {
            let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap() / 4096);
            let mut words = vec![0; (end - start) as usize * 8];
            std::os::unix::fs::FileExt::read_exact_at(&pagemap, &mut words, start * 8).unwrap();
            count += words.chunks(8).filter(|word| word[7] & 0x80 != 0).count();
        }
        count
    };
    let before = touched();
    let stats = program.stats();
    let after = touched();
    // Statics of the library that nobody has touched may lie among those that are read.
    assert!(after - before <= 2, "{} pages of {before} were touched", after - before);
    assert!(number(&stats["usage"]["rss"]) > 6 << 20);
}

fn adds_up(program: &Seen, what: &str, off: u64) {
    let (stats, rss) = (program.stats(), program.rss());
    let sum = together(&stats);
    assert!(sum.abs_diff(rss) <= rss * off / 100, "{what}: {sum} of {rss} are known: {stats}");
}

#[test]
fn the_parts_add_up_to_what_the_kernel_counts() {
    let script =
        "import sys\nx = [str(i) * 3 for i in range(200000)]\ndel x[::2]\nprint('ready', flush=True)\nsys.stdin.read()";
    for options in ["stats=off", "checks=full", "debug=1", "slabs=off", "caches=off,thp=never"] {
        let program = Seen::preloaded("python3", &["-c", script], options);
        adds_up(&program, options, 2);
        let stats = program.stats();
        assert_eq!(stats["torn"], 0, "{options}");
        let quarantined = number(&stats["usage"]["parts"]["quarantined"]["bytes"]);
        assert_eq!(quarantined != 0, options == "checks=full" || options == "debug=1", "{options}: {quarantined}");
    }
}

#[test]
fn databases_add_up() {
    let place = Place::new();
    let socket = place.path("socket");
    let redis = ["--port", "0", "--save", "", "--unixsocket", socket.to_str().unwrap()];
    for (program, args) in [("sqlite3", ["-cmd", ".print ready"].as_slice()), ("redis-server", &redis)] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: {program} is not installed");
            continue;
        }
        adds_up(&Seen::preloaded(program, args, "stats=off"), program, 2);
    }
}

#[test]
fn a_heap_that_changes_at_full_speed_is_walked() {
    let place = Place::new();
    let program = Seen::preloaded(place.program("churn.c", &[]), &[], "stats=off");
    for _ in 0..20 {
        let stats = program.stats();
        let (sum, rss) = (together(&stats), number(&stats["usage"]["rss"]));
        assert!(sum.abs_diff(rss) <= rss / 10, "{sum} of {rss} are known");
        assert!(number(&stats["torn"]) < 20, "{} parts are torn", stats["torn"]);
    }
}

#[test]
fn what_is_no_process_on_metes_is_said() {
    fails(&metes(&["stats", "4194305"]), "there is no such process");
    fails(&metes(&["stats", "1234567890123"]), "No such file");
    let mut plain = Command::new("sleep").arg("1000").spawn().unwrap();
    let output = metes(&["stats", &plain.id().to_string()]);
    plain.kill().unwrap();
    let zombie = metes(&["stats", &plain.id().to_string()]);
    plain.wait().unwrap();
    fails(&output, "does not run on metes");
    fails(&zombie, "process");
    fails(&metes(&["stats", &plain.id().to_string()]), "there is no such process");
}

#[test]
fn the_process_of_another_user_is_refused_with_a_reason() {
    if fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap() != 0 {
        eprintln!("SKIPPED: only root can be another user");
        return;
    }
    let place = Place::new();
    let program = known(&place);
    // Where anybody can run it.
    let copy = place.path("metes");
    fs::copy(tool(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).args(args).output().unwrap()
    };
    fails(&as_nobody(&["stats", &program.pid()]), "another user's");
    let file = place.path("of-root");
    fs::write(&file, "metes snapshot 1\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fails(&as_nobody(&["stats", file.to_str().unwrap()]), "Permission denied");
}

#[test]
fn a_snapshot_says_the_same_as_the_process() {
    let place = Place::new();
    let mut program = known(&place);
    ["small", "named", "large"].iter().for_each(|line| assert_eq!(program.ask(line), format!("{line}\n")));
    let file = place.path("heap.metes");
    let file = file.to_str().unwrap();
    assert!(metes(&["snapshot", &program.pid(), file]).status.success());
    fails(&metes(&["snapshot", &program.pid(), file]), "File exists");
    fails(&metes(&["snapshot", &program.pid(), "/dev/full"]), "/dev/full: File exists");
    fails(&metes(&["snapshot", &program.pid(), "/nowhere/heap"]), "No such file");
    let (mut now, kept) = (program.stats(), metes(&["stats", "--json", file]));
    let mut kept: Value = serde_json::from_slice(&kept.stdout).unwrap();
    // The process is not stopped: the helper may give memory back between the two.
    for stats in [&mut now, &mut kept] {
        ["taken", "usage", "arenas", "heaps", "verdicts", "mapped_bytes"].iter().for_each(|&field| {
            stats.as_object_mut().unwrap().remove(field);
        });
    }
    assert_eq!(now, kept);
    let whole = fs::read(file).unwrap();
    let damaged = place.path("damaged");
    let says = |bytes: &[u8], why: &str| {
        fs::write(&damaged, bytes).unwrap();
        fails(&metes(&["stats", damaged.to_str().unwrap()]), why);
    };
    says(&whole[..whole.len() / 2], "damaged");
    says(&whole[..20], "damaged");
    says(b"", "neither the number of a process nor a snapshot");
    says(b"\x7fELF and so on, for long enough", "neither the number of a process nor a snapshot");
    says(b"metes snapshot 7\nanything", "another version");
    for at in (17..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&damaged, bytes).unwrap();
        let output = metes(&["stats", damaged.to_str().unwrap()]);
        assert!(matches!(output.status.code(), Some(0 | 2)), "byte {at}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_program_with_the_static_library_is_seen_stripped_or_not() {
    let place = Place::new();
    let library = built("libmetes.a");
    for flags in [
        &[library.to_str().unwrap()][..],
        &[library.to_str().unwrap(), "-s"],
        &[library.to_str().unwrap(), "-static", "-s"],
    ] {
        let mut program = Seen::start(&mut Command::new(place.program("known.c", flags)));
        assert_eq!(program.ask("small"), "small\n");
        assert!(objects(&program.stats(), 112) >= 5000, "{flags:?}");
        adds_up(&program, "static", 2);
    }
}

#[test]
fn a_library_that_was_replaced_on_disk_is_read_all_the_same() {
    let place = Place::new();
    let own = place.path("libmetes.so");
    fs::copy(built("libmetes.so"), &own).unwrap();
    let program = place.program("churn.c", &[]);
    let seen = Seen::start(Command::new(&program).env("LD_PRELOAD", &own));
    fs::remove_file(&own).unwrap();
    assert_eq!(seen.stats()["version"], env!("CARGO_PKG_VERSION"));
    fs::write(&own, "not a library").unwrap();
    assert!(number(&seen.stats()["calls"]["malloc"]) > 0);
}

#[test]
fn a_process_in_another_mount_namespace_is_read() {
    let place = Place::new();
    let program = place.program("churn.c", &[]);
    let probe = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no mount namespace can be made here");
        return;
    }
    // Under a name that only the process knows.
    let inside = place.path("inside");
    fs::create_dir(&inside).unwrap();
    let script = format!(
        "mount -t tmpfs none {0} && cp {1} {0}/libmetes.so && LD_PRELOAD={0}/libmetes.so exec {2}",
        inside.display(),
        built("libmetes.so").display(),
        program.display()
    );
    let seen = Seen::start(Command::new("unshare").args(["--mount", "sh", "-c", &script]));
    assert!(!inside.join("libmetes.so").exists());
    assert!(number(&seen.stats()["calls"]["malloc"]) > 0);
}

#[test]
fn a_page_of_text_and_one_for_prometheus_have_the_same_figures() {
    let place = Place::new();
    let mut program = known(&place);
    ["named", "tagged"].iter().for_each(|line| assert_eq!(program.ask(line), format!("{line}\n")));
    let text = |args: &[&str]| String::from_utf8(metes(args).stdout).unwrap();
    let page = text(&["stats", &program.pid()]);
    for wanted in ["in use", "records of metes", "not metes'", "together", "orders", "parsing", "calls: malloc"] {
        assert!(page.contains(wanted), "{wanted} is missing in\n{page}");
    }
    let metrics = text(&["stats", "--prometheus", &program.pid()]);
    assert!(
        metrics
            .lines()
            .any(|line| line.starts_with("metes_heap_in_use_bytes{heap=\"orders\",number=")
                && line.ends_with("} 208000")),
        "{metrics}"
    );
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit_once(' ').unwrap().1.parse::<u64>().is_ok(), "{line}");
    }
}
