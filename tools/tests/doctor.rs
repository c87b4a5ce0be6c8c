//! `metes doctor`: programs and processes of each kind.

mod common;

use common::{Place, Said, library, metes, run};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};

/// The findings about something, as `level what`.
fn about(said: &Said, about: &str) -> Vec<String> {
    let all: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let of = all.as_array().unwrap().iter().filter(|finding| finding["about"] == about);
    of.map(|finding| format!("{} {}", text(finding, "level"), text(finding, "what"))).collect()
}

fn looked(subject: &str) -> Said {
    run(&["doctor", "--json", subject])
}

#[test]
fn the_library_and_the_machine_are_looked_at() {
    let said = run(&["doctor", "--json"]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(about(&said, "library"), [format!("ok {} is metes {version}", library().display())]);
    for part in ["huge pages", "overcommit", "mappings", "attaching"] {
        let found = about(&said, part);
        // A kernel may lack one.
        assert!(found.len() <= 1 && found.iter().all(|line| !line.starts_with("stop")), "{part}: {found:?}");
    }
    assert_eq!((about(&said, "limits").len(), about(&said, "control group").len(), said.status), (2, 2, Some(0)));
    let text = run(&["doctor"]).out;
    assert!(
        text.lines().all(|line| ["ok    ", "note  ", "stop  "].iter().any(|start| line.starts_with(start))),
        "{text}"
    );
    let output = metes(&["doctor", "--json"]).env("METES_LIBRARY", "/etc/passwd").output().unwrap();
    let said = Said::from(output);
    assert_eq!((said.status, about(&said, "library")[0].as_str()), (Some(1), "stop /etc/passwd: is no shared library"));
    let limited = Command::new("sh")
        .args(["-c", "ulimit -v 4000000; exec \"$0\" doctor --json", env!("CARGO_BIN_EXE_metes")])
        .output();
    assert_eq!(about(&limited.unwrap().into(), "limits")[0], "note RLIMIT_AS is 3 GiB");
}

#[test]
fn programs_that_take_a_preload_and_programs_that_do_not() {
    let place = Place::new();
    let program = |name: &str, text: &str, flags: &[&str]| place.program(name, text, flags).display().to_string();
    let main = "int main(void) { return 0; }\n";
    let plain = program("plain.c", main, &[]);
    let said = looked(&plain);
    assert_eq!(
        (said.status, about(&said, "program")),
        (Some(0), vec![format!("ok {plain} takes a preloaded library")])
    );
    let still = program("still.c", main, &["-static"]);
    let said = looked(&still);
    assert!(
        said.status == Some(1) && about(&said, "program")[0].starts_with(&format!("stop {still} is statically linked"))
    );
    let archive = library().with_file_name("libmetes.a");
    let with = program(
        "with.c",
        main,
        &["-static", "-Wl,--whole-archive", archive.to_str().unwrap(), "-Wl,--no-whole-archive"],
    );
    assert_eq!(about(&looked(&with), "program"), [format!("ok {with} is static, and metes is linked into it")]);
    let folder = library().parent().unwrap().display().to_string();
    let link =
        program("link.c", main, &["-Wl,--no-as-needed", library().to_str().unwrap(), &format!("-Wl,-rpath,{folder}")]);
    assert_eq!(about(&looked(&link), "malloc"), [format!("note {link} needs libmetes.so.0: metes is linked")]);
    let own = "#include <stddef.h>\nvoid *malloc(size_t n) { static char b[9999]; static size_t at; return b + (at += n); }\n\
               void free(void *p) { (void)p; }\nint main(void) { return malloc(1) == 0; }\n";
    let own = program("own.c", own, &["-rdynamic"]);
    let said = looked(&own);
    assert!(said.status == Some(1) && about(&said, "malloc")[0].contains("exports a malloc of its own"), "{said:?}");
    let machine = place.path("machine");
    let mut bytes = fs::read(&plain).unwrap();
    bytes[18] = 183;
    fs::write(&machine, bytes).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&machine).status().unwrap().success());
    let said = looked(machine.to_str().unwrap());
    assert!(
        said.status == Some(1) && about(&said, "program")[0].contains("is for aarch64, and the library for "),
        "{said:?}"
    );
    let script = place.write("script", &format!("#!{plain}\n"));
    assert!(Command::new("chmod").arg("+x").arg(&script).status().unwrap().success());
    let found = about(&looked(script.to_str().unwrap()), "program");
    assert_eq!(found[0], format!("note {} is a script for {plain}", script.display()));
    looked("/no/such/program").refused(2, "No such file");
    looked("no-such-program").refused(2, "command not found");
}

#[test]
fn other_allocators_and_musl_are_named() {
    let place = Place::new();
    let main = "int main(void) { return 0; }\n";
    let jemalloc = "int mallctl(void) { return 0; }\n";
    let other = place.program("libother.c", jemalloc, &["-shared", "-fPIC", "-Wl,-soname,libother.so"]);
    fs::rename(&other, place.path("libother.so")).unwrap();
    let folder = place.path("").display().to_string();
    let flags = ["-Wl,--no-as-needed", "-L", &folder, "-lother", "-Wl,-rpath,$ORIGIN"];
    let program = place.program("program.c", main, &flags).display().to_string();
    let found = about(&looked(&program), "malloc");
    assert_eq!(
        found,
        [format!("note {program} needs libother.so, which is jemalloc: a preloaded metes comes before it")]
    );
    let plain = place.program("plain.c", main, &[]).display().to_string();
    let preload = place.path("libother.so");
    let output = metes(&["doctor", "--json", &plain]).env("LD_PRELOAD", &preload).output().unwrap();
    let found = about(&output.into(), "malloc");
    assert_eq!(found, [format!("note LD_PRELOAD has {}, which is jemalloc", preload.display())]);
    let mut bytes = fs::read(&plain).unwrap();
    // The loader's name is that of musl then, and has the same length or less.
    let at = bytes.windows(27).position(|part| part == b"/lib64/ld-linux-x86-64.so.2").expect("the loader's name");
    bytes[at..at + 27].copy_from_slice(b"/lib/ld-musl-x86_64.so.1\0\0\0");
    fs::write(&plain, bytes).unwrap();
    let said = looked(&plain);
    assert!(said.status == Some(1) && about(&said, "program")[0].contains("runs on musl"), "{said:?}");
}

/// A process that has started, and waits for its input.
fn waiting(command: &mut Command) -> Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    child
}

#[test]
fn processes_are_looked_at_while_they_run() {
    let place = Place::new();
    let text = "#include <unistd.h>\nint main(void) { char c; write(1, \"x\", 1); return (int)read(0, &c, 1); }\n";
    let program = place.program("waits.c", text, &[]);
    let looked = |child: &Child| looked(&child.id().to_string());
    let end = |mut child: Child| {
        drop(child.stdin.take());
        child.wait().unwrap();
    };
    let child = waiting(Command::new(&program).env_remove("LD_PRELOAD").env_remove("METES_OPTIONS"));
    let said = looked(&child);
    assert_eq!((said.status, about(&said, "malloc")), (Some(1), vec!["stop metes is not loaded".to_owned()]));
    assert_eq!(about(&said, "process"), [format!("ok {} runs {}", child.id(), program.display())]);
    end(child);
    let child = waiting(Command::new(&program).env("LD_PRELOAD", library()).env("METES_OPTIONS", "fit=first"));
    let said = looked(&child);
    let malloc = about(&said, "malloc");
    assert!(said.status == Some(0) && malloc[0].starts_with("ok metes was preloaded: /"), "{malloc:?}");
    assert_eq!(about(&said, "options"), ["ok it was started with METES_OPTIONS=fit=first"]);
    end(child);
    let archive = library().with_file_name("libmetes.a");
    let linked =
        place.program("linked.c", text, &["-Wl,--whole-archive", archive.to_str().unwrap(), "-Wl,--no-whole-archive"]);
    let child = waiting(Command::new(&linked).env_remove("LD_PRELOAD"));
    assert!(about(&looked(&child), "malloc")[0].starts_with("ok metes is linked into the program: "));
    end(child);
    run(&["doctor", "4294967295"]).refused(2, "process 4294967295: there is no such process");
}
