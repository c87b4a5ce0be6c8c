//! `metes symbolize`: reports with frames in programs of known lines.

mod common;

use common::{Place, Said, metes, run};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = r"static inline __attribute__((always_inline)) int inner(volatile int *p)
{
    return *p + 1;
}
__attribute__((noinline)) int outer(volatile int *p)
{
    return inner(p) * 3;
}
int main(int argc, char **argv)
{
    (void)argv;
    return outer(&argc);
}
";
const FLAGS: [&str; 1] = ["-fno-optimize-sibling-calls"];

fn tool(name: &str, args: &[&str]) -> String {
    let output = Command::new(name).args(args).output().expect("the tool is installed");
    assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The address of a function, as frames have it.
fn address(program: &Path, function: &str) -> String {
    let text = tool("nm", &[program.to_str().unwrap()]);
    let line = text.lines().find(|line| line.ends_with(&format!(" {function}"))).unwrap();
    format!("0x{}", line.split(' ').next().unwrap().trim_start_matches('0'))
}

fn build_id(program: &Path) -> String {
    let text = tool("readelf", &["-n", program.to_str().unwrap()]);
    text.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).unwrap().to_owned()
}

/// What stands behind a frame.
fn behind(frame: &str, flags: &[&str]) -> String {
    let place = Place::new();
    let path = place.write("report", frame);
    let said = run(&[&["symbolize"], flags, &[path.to_str().unwrap()]].concat());
    assert!(said.status == Some(0) && said.err.is_empty(), "{said:?}");
    said.out.strip_prefix(&format!("{frame}\n")).unwrap_or_else(|| panic!("{said:?}")).to_owned()
}

#[test]
fn frames_get_their_places_and_all_else_stays() {
    let place = Place::new();
    let program = place.program("a program.c", PROGRAM, &FLAGS);
    let (outer, main) = (address(&program, "outer"), address(&program, "main"));
    let stripped = place.path("stripped");
    tool("strip", &["-o", stripped.to_str().unwrap(), program.to_str().unwrap()]);
    let (program, stripped, here) = (program.display(), stripped.display(), place.path("").display().to_string());
    let report = format!(
        "metes: M001 double free: free(0x7f0000001000): this block of 112 bytes is free already
metes:   freed here:
metes:     #0 0x7f0000001139 {program}+{outer}
metes:     #1 0x7f000000113a {program}+{main}
metes:     #2 0x7f000000113b {stripped}+{main}
metes:     #3 0x7f000000113c {here}gone.so+0x77
metes:     #4 0x7f000000113d ?
another line"
    );
    let expected = format!(
        "metes: M001 double free: free(0x7f0000001000): this block of 112 bytes is free already
metes:   freed here:
metes:     #0 0x7f0000001139 {program}+{outer}
metes:            inner at {program}.c:3
metes:            outer at {program}.c:7
metes:     #1 0x7f000000113a {program}+{main}
metes:            main at {program}.c:10
metes:     #2 0x7f000000113b {stripped}+{main}
metes:     #3 0x7f000000113c {here}gone.so+0x77
metes:     #4 0x7f000000113d ?
another line
"
    );
    let path = place.write("report", &report);
    let path = path.to_str().unwrap();
    let from = |args: &[&str]| Said::from(metes(args).stdin(File::open(path).unwrap()).output().unwrap());
    assert_eq!(from(&["symbolize"]).out, expected);
    assert_eq!(run(&["symbolize", path, path]).out, format!("{expected}{expected}"));
    assert_eq!(from(&["symbolize", path, "-"]).out, format!("{expected}{expected}"));
}

#[test]
fn debug_information_is_found_where_it_stands_apart() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-Wl,--build-id"]);
    let frame = |path: &Path, main: &str| format!("#0 0x1 {}+{main}", path.display());
    let main = address(&program, "main");
    let wanted = format!("       main at {}:10\n", place.path("program.c").display());
    let (debug, bare) = (place.path("program.debug"), place.path("bare"));
    let (debug_text, bare_text) = (debug.to_str().unwrap(), bare.to_str().unwrap());
    tool("objcopy", &["--only-keep-debug", "--compress-debug-sections", program.to_str().unwrap(), debug_text]);
    // By the debug link, beside it.
    tool("strip", &["-o", bare_text, program.to_str().unwrap()]);
    assert_eq!(behind(&frame(&bare, &main), &[]), "");
    tool("objcopy", &[&format!("--add-gnu-debuglink={debug_text}"), bare_text]);
    assert_eq!(behind(&frame(&bare, &main), &[]), wanted);
    // One that was changed since is not of this program.
    let mut changed = fs::read(&debug).unwrap();
    changed.push(0);
    fs::remove_file(&debug).unwrap();
    fs::write(&debug, &changed).unwrap();
    assert_eq!(behind(&frame(&bare, &main), &[]), "");
    // By the build id.
    let id = build_id(&program);
    let folder = place.path("debug").join(".build-id").join(&id[..2]);
    fs::create_dir_all(&folder).unwrap();
    fs::rename(&debug, folder.join(format!("{}.debug", &id[2..]))).unwrap();
    let directory = place.path("debug");
    let flags = ["--debug-dir", directory.to_str().unwrap()];
    assert_eq!(behind(&frame(&bare, &main), &flags), wanted);
    // Another file under that name is not taken.
    fs::copy("/bin/true", folder.join(format!("{}.debug", &id[2..]))).unwrap();
    assert_eq!(behind(&frame(&bare, &main), &flags), "");
}

#[test]
fn a_frame_of_another_build_gets_no_place() {
    let place = Place::new();
    let program = place.program("program.c", PROGRAM, &["-Wl,--build-id"]);
    let frame = format!("#0 0x1 {}+{}", program.display(), address(&program, "main"));
    let id = build_id(&program);
    assert!(behind(&format!("{frame} (BuildId: {id})"), &[]).contains("main at "));
    assert_eq!(behind(&format!("{frame} (BuildId: {}00)", &id[2..]), &[]), "");
}

#[test]
fn debug_information_of_all_kinds_is_read() {
    let place = Place::new();
    for (number, flags) in [
        &["-gdwarf-4"][..],
        &["-gdwarf-5", "-gz=zlib"],
        &["-gsplit-dwarf"],
        &["-g1"],
        &["-no-pie"],
        &["-gdwarf-5", "-fdebug-types-section"],
    ]
    .into_iter()
    .enumerate()
    {
        let program = place.program(&format!("program{number}.c"), PROGRAM, flags);
        let places = behind(&format!("#0 0x1 {}+{}", program.display(), address(&program, "outer")), &[]);
        assert!(places.contains(&format!("       outer at {}.c:7\n", program.display())), "{flags:?}: {places}");
    }
    // The name alone, where the compiler has left no lines.
    let program = place.program("named.c", PROGRAM, &["-g0"]);
    assert_eq!(behind(&format!("#0 0x1 {}+{}", program.display(), address(&program, "outer")), &[]), "       outer\n");
}

#[test]
fn what_cannot_be_read_or_written_is_said_in_one_line() {
    run(&["symbolize", "/no/such/file"]).refused(2, "metes: /no/such/file: No such file or directory\n");
    run(&["symbolize", "/"]).refused(2, "metes: /: Is a directory\n");
    let place = Place::new();
    let path = place.write("report", "a line\n");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = metes(&["symbolize", path.to_str().unwrap()]).stdout(full).output().unwrap();
    Said::from(output).refused(2, "metes: standard output: No space left on device\n");
    // A reader that has enough is no failure that needs words.
    let text = "a line\n".repeat(200_000);
    let long = place.write("long", &text);
    let mut child =
        metes(&["symbolize", long.to_str().unwrap()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!((said.status, said.err.as_str()), (Some(141), ""));
}
