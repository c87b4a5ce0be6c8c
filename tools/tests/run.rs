//! `metes run`: real programs on metes.

mod common;

use common::{Place, TWICE, library, metes, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SIGABRT: i32 = 6;

#[test]
fn a_report_has_functions_files_and_lines() {
    let place = Place::new();
    let program = place.program("twice.c", TWICE, &[]);
    let said = run(&["run", "--", program.to_str().unwrap()]);
    assert_eq!((said.signal, said.out.as_str()), (Some(SIGABRT), ""), "{said:?}");
    let source = place.path("twice.c");
    let wanted = format!(
        "metes:              give at {0}:3\nmetes:              twice at {0}:7\nmetes:       #1",
        source.display()
    );
    assert!(said.err.starts_with("metes: M001 double free: ") && said.err.contains(&wanted), "{}", said.err);
    let main = format!("main at {}:12\n", source.display());
    assert!(said.err.contains(&main), "{}", said.err);
}

#[test]
fn without_symbols_a_report_is_as_the_library_writes_it() {
    let place = Place::new();
    let program = place.program("twice.c", TWICE, &[]);
    let said = run(&["run", "--no-symbols", "--", program.to_str().unwrap()]);
    assert!(
        said.signal == Some(SIGABRT) && said.err.contains("/twice+0x") && !said.err.contains("twice at "),
        "{said:?}"
    );
    let report = place.path("a report");
    let said = run(&["run", "--no-symbols", "--report", report.to_str().unwrap(), "--", program.to_str().unwrap()]);
    let text = fs::read_to_string(&report).unwrap();
    assert!(said.err.is_empty() && text.contains("M001") && !text.contains("twice at "), "{said:?} {text}");
}

#[test]
fn inlined_frames_of_cpp_and_rust_are_demangled() {
    let place = Place::new();
    let cpp = r#"
#include <cstdlib>
namespace farm {
template <typename T> struct field {
    __attribute__((always_inline)) static inline void plough(T *p) { std::free(p); }
};
__attribute__((noinline)) void work(int *p)
{
    field<int>::plough(p);
    field<int>::plough(p);
    __asm__ volatile("");
}
}
int main() { farm::work(static_cast<int *>(std::malloc(100))); return 0; }
"#;
    let program = place.program("cpp.cpp", cpp, &[]);
    let said = run(&["run", "--", program.to_str().unwrap()]);
    let inlined = format!("farm::field<int>::plough(int*) at {}:5\n", place.path("cpp.cpp").display());
    assert!(said.err.contains(&inlined) && said.err.contains("farm::work(int*) at "), "{}", said.err);

    let rust = r#"
mod farm {
    unsafe extern "C" {
        fn free(block: *mut u8);
    }
    #[inline(always)]
    pub fn plough(block: *mut u8) {
        unsafe { free(block) }
    }
    #[inline(never)]
    pub fn work(block: *mut u8) {
        plough(block);
        plough(block);
        std::hint::black_box(block);
    }
}
fn main() {
    farm::work(Box::into_raw(Box::new([7u8; 100])).cast());
}
"#;
    let program = place.program("rust.rs", rust, &[]);
    let said = run(&["run", "--", program.to_str().unwrap()]);
    let source = place.path("rust.rs").display().to_string();
    assert!(said.err.contains(&format!("rust::farm::plough at {source}:8\n")), "{}", said.err);
    assert!(said.err.contains(&format!("rust::farm::work at {source}:13\n")), "{}", said.err);
}

#[test]
fn statistics_come_from_each_process() {
    let said = run(&["run", "--stats", "--", "bash", "-c", "ls / > /dev/null; ls /; exit 7"]);
    assert_eq!((said.status, said.out.contains("usr\n")), (Some(7), true), "{said:?}");
    assert_eq!(said.err.matches("metes: served ").count(), 3, "{said:?}");
    let place = Place::new();
    let input = place.write("in", "what stands in the file");
    let python = ["run", "--stats", "--", "/usr/bin/python3", "-S", "-c", "import sys; print(sys.stdin.read())"];
    let mut command = metes(&python);
    let output = command.env("PYTHONMALLOC", "malloc").stdin(fs::File::open(input).unwrap()).output().unwrap();
    let said = common::Said::from(output);
    assert_eq!((said.status, said.out.as_str()), (Some(0), "what stands in the file\n"), "{said:?}");
    assert_eq!(said.err.matches("metes: served ").count(), 1, "{said:?}");
}

#[test]
fn reports_of_children_come_too_and_the_exit_status_stays() {
    let place = Place::new();
    let program = place.program("twice.c", TWICE, &[]);
    let script = place.write("script", "#!/bin/sh\n\"$1\"\n\"$1\" & wait\nexit 3\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let said = run(&["run", "--", script.to_str().unwrap(), program.to_str().unwrap()]);
    assert_eq!((said.status, said.err.matches("metes: M001").count()), (Some(3), 2), "{said:?}");
    assert_eq!(said.err.matches("give at ").count(), 2, "{said:?}");
}

#[test]
fn leaks_and_checks_are_switched_on() {
    let place = Place::new();
    let leak = "#include <stdlib.h>\n__attribute__((noinline)) void lose(void) { *(volatile char *)malloc(77) = 1; }\n\
                int main(void) { for (int i = 0; i < 50; i++) lose(); return 0; }\n";
    let program = place.program("leak.c", leak, &[]);
    let program = program.to_str().unwrap();
    let said = run(&["run", "--leaks", "--", program]);
    assert!(said.status == Some(0) && said.err.contains("M016") && said.err.contains("lose at "), "{said:?}");
    assert!(said.err.contains("leak.c:2\n"), "{said:?}");
    let past = "#include <stdlib.h>\nint main(void) { char *p = malloc(20); ((volatile char *)p)[20] = 1; free(p); return 0; }\n";
    let program = place.program("past.c", past, &[]);
    for flags in [&["--checks", "full"][..], &["--debug"], &["-o", "checks=full"], &["-o", "stats=off,debug=1"]] {
        let said = run(&[&["run"], flags, &["--", program.to_str().unwrap()]].concat());
        assert!(said.signal == Some(SIGABRT) && said.err.contains("main at "), "{flags:?} {said:?}");
    }
    assert_eq!(run(&["run", "--checks", "off", "--", program.to_str().unwrap()]).status, Some(0));
}

#[test]
fn the_environment_is_kept_and_the_flags_come_last() {
    let said = metes(&["run", "--guard", "5", "-o", "depth=9", "--", "sh", "-c", "echo $METES_OPTIONS $LD_PRELOAD"])
        .env("METES_OPTIONS", "guard=7,fit=first")
        .env("LD_PRELOAD", "/no/such/library.so")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    let wanted = format!("{}:/no/such/library.so\n", library().display());
    assert!(out.starts_with("guard=7,fit=first,guard=5,depth=9,report=/") && out.ends_with(&wanted), "{out}");
}

#[test]
fn a_report_file_that_was_named_gets_the_reports() {
    let place = Place::new();
    let program = place.program("twice.c", TWICE, &[]);
    let program = program.to_str().unwrap();
    let (mine, theirs) = (place.write("mine", "before\n"), place.path("theirs"));
    let said = run(&["run", "--report", mine.to_str().unwrap(), "--", program]);
    let text = fs::read_to_string(&mine).unwrap();
    assert!(
        said.err.is_empty() && text.starts_with("before\nmetes: M001") && text.contains("twice at "),
        "{said:?} {text}"
    );
    let option = format!("report={}", theirs.display());
    let said = metes(&["run", "--", program]).env("METES_OPTIONS", &option).output().unwrap();
    let text = fs::read_to_string(&theirs).unwrap();
    assert!(said.stderr.is_empty() && text.contains("M001") && !text.contains("twice at "), "{text}");
    run(&["run", "--report", mine.to_str().unwrap(), "-o", &option, "--", program]).refused(2, "contradicts");
    run(&["run", "--report", "/no/such/place", "--", program]).refused(2, "No such file");
    let said = run(&["run", "--stats", "--report", "/dev/full", "--", "true"]);
    assert_eq!((said.status, said.err.as_str()), (Some(2), "metes: /dev/full: No space left on device\n"));
}

#[test]
fn programs_that_close_change_and_leave_everything_still_report() {
    let place = Place::new();
    let text = r#"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (strstr(argv[1], "directory"))
        chdir("/");
    if (strstr(argv[1], "temporary"))
        setenv("TMPDIR", "/no/such/place", 1);
    if (strstr(argv[1], "root"))
        chroot("/proc/self");
    if (strstr(argv[1], "environment"))
        clearenv();
    if (strstr(argv[1], "close"))
        for (int fd = 0; fd < 2000; fd++)
            close(fd);
    void *p = malloc(100);
    free(p);
    free(p);
    return 0;
}
"#;
    let program = place.program("program.c", text, &[]);
    for what in ["directory", "temporary", "environment", "close", "close directory temporary environment"] {
        let said = run(&["run", "--", program.to_str().unwrap(), what]);
        assert!(said.signal == Some(SIGABRT) && said.err.contains("main at "), "{what}: {said:?}");
    }
    // What a changed root keeps from the file goes to standard error.
    let said = run(&["run", "--", program.to_str().unwrap(), "root"]);
    assert!(said.signal == Some(SIGABRT) && said.err.contains("metes: M001 double free"), "{said:?}");
    let own = place.path("own temporary");
    fs::create_dir(&own).unwrap();
    let said = metes(&["run", "--", program.to_str().unwrap(), ""]).env("TMPDIR", &own).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("main at "));
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
}

#[test]
fn many_reports_are_all_passed_on() {
    let place = Place::new();
    let text = "#include <stdlib.h>\nint main(void) { char *p = malloc(64); for (int i = 0; i < 3000; i++) free(p + 16);\nreturn 5; }\n";
    let program = place.program("many.c", text, &[]);
    let said = run(&["run", "-o", "abort=no", "--", program.to_str().unwrap()]);
    assert_eq!((said.status, said.err.matches("metes: M003").count()), (Some(5), 3000));
    assert_eq!(said.err.matches("/many.c:2\n").count(), 3000);
}

#[test]
fn what_cannot_run_is_said_in_one_line() {
    let place = Place::new();
    run(&["run", "--", "no-such-program"]).refused(127, "no-such-program: command not found");
    run(&["run", "--", "/no/such/program"]).refused(127, "No such file or directory");
    run(&["run", "--", place.write("text", "").to_str().unwrap()]).refused(126, "Permission denied");
    run(&["run", "--", "/"]).refused(126, "is a directory");
    let script = place.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    run(&["run", "--", script.to_str().unwrap()]).refused(127, "No such file or directory");
    let program = place.program("still.c", "int main(void) { return 4; }\n", &["-static"]);
    let program = program.to_str().unwrap();
    run(&["run", "--", program]).refused(2, "is statically linked");
    assert_eq!(run(&["run", "--library", "none", "--", program]).status, Some(4));
}

/// The loader ignores LD_PRELOAD in a program that has more rights than its caller.
#[test]
fn a_program_with_more_rights_is_refused() {
    let place = Place::new();
    let program = place.program("rights.c", "int main(void) { return 0; }\n", &[]);
    // As root it becomes another user's; else one of root's that is there on every machine serves.
    let path = if std::os::unix::fs::chown(&program, Some(12345), None).is_ok() {
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        program.to_str().unwrap()
    } else {
        "/usr/bin/passwd"
    };
    run(&["run", "--", path]).refused(2, "has more rights than its caller (set-user-id)");
}

#[test]
fn a_static_program_that_metes_is_linked_into_runs() {
    let place = Place::new();
    let archive = library().with_file_name("libmetes.a");
    let flags = ["-static", "-Wl,--whole-archive", archive.to_str().unwrap(), "-Wl,--no-whole-archive"];
    let program = place.program("twice.c", TWICE, &flags);
    let said = run(&["run", "--", program.to_str().unwrap()]);
    assert!(said.signal == Some(SIGABRT) && said.err.contains("metes: M001"), "{said:?}");
}

#[test]
fn options_are_refused_before_anything_starts() {
    let place = Place::new();
    let mark = place.path("mark");
    let touch = ["--", "touch", mark.to_str().unwrap()];
    for (flags, words) in [
        (&["-o", "chekcs=full"][..], "unknown option: the options are fit, foreign"),
        (&["-o", "cutoff=1"], "cutoff takes a size from 64k to 8g"),
        (&["--guard", "0"], "guard takes a number N from 1"),
        (&["--library", "/no/such/library"], "No such file"),
        (&["--library", "/etc/passwd"], "is no shared library"),
        (&["--library", "/lib/x86_64-linux-gnu/libc.so.6"], "is not metes"),
    ] {
        run(&[&["run"], flags, &touch].concat()).refused(2, words);
    }
    let odd = place.path("a place");
    fs::create_dir(&odd).unwrap();
    fs::copy(library(), odd.join("libmetes.so")).unwrap();
    run(&["run", "--library", odd.join("libmetes.so").to_str().unwrap(), "--", "true"]).refused(2, "with a blank");
    let said = run(&["run", "--checks", "some", "--", "touch", mark.to_str().unwrap()]);
    assert!(said.status == Some(2) && said.err.contains("[possible values: full, default, off]"), "{said:?}");
    assert!(!mark.exists());
}

#[test]
fn without_a_library_it_says_where_it_has_looked() {
    let place = Place::new();
    let alone = place.path("metes");
    fs::copy(env!("CARGO_BIN_EXE_metes"), &alone).unwrap();
    let said: common::Said = std::process::Command::new(&alone)
        .args(["run", "--", "true"])
        .env_remove("METES_LIBRARY")
        .output()
        .unwrap()
        .into();
    // It may be installed on this machine.
    if said.status != Some(0) {
        said.refused(2, &format!("libmetes.so: is not in {}, ", alone.parent().unwrap().display()));
    }
    fs::copy(library(), place.path("libmetes.so.0")).unwrap();
    let said = std::process::Command::new(&alone)
        .args(["run", "--", "sh", "-c", "echo $LD_PRELOAD"])
        .env_remove("METES_LIBRARY")
        .env_remove("LD_PRELOAD")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{}\n", place.path("libmetes.so.0").display()));
}

#[test]
fn a_profile_comes_beside_the_reports() {
    let place = Place::new();
    let text = r#"
#include <stdlib.h>
__attribute__((noinline)) void *take(void) { void *p = malloc(1000); __asm__ volatile("" : "+r"(p)); return p; }
int main(void) { for (int i = 0; i < 20000; i++) take(); return 5; }
"#;
    let program = place.program("takes.c", text, &[]);
    let program = program.to_str().unwrap();
    // 20 MB, one sample in 16 KB: never none, and in the mean off by a part in 35.
    let said = run(&["run", "-o", "profile=16k", "--profile", "--", program]);
    assert!(said.status == Some(5) && said.out.is_empty() && said.err.contains("take  takes.c:3"), "{said:?}");
    let file = place.path("profile.folded");
    let said = run(&["run", "--stats", "--profile", file.to_str().unwrap(), "-o", "profile=16k", "--", program]);
    let folded = fs::read_to_string(&file).unwrap();
    assert!(said.status == Some(5) && folded.contains("main;take"), "{said:?} {folded}");
    assert!(said.err.contains("in use at the peak of process") && said.err.contains("metes: served "), "{said:?}");
    run(&["run", "--profile", "/no/form", "--", program]).refused(2, "its name says no form");
    let said = run(&["run", "--profile", "--", "true"]);
    assert!(said.status == Some(0) && said.err.contains("not allocated enough for a sample"), "{said:?}");
}
