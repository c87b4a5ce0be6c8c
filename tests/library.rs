//! The built library from outside: what it exports, what it needs, and that its header agrees with the source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn library(name: &str) -> PathBuf {
    let folder = env::var_os("METES_LIB_DIR").map_or_else(|| Path::new(ROOT).join("target/release"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `make` first", path.display());
    path
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("the tool is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn promised() -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("scripts/exports.txt")).unwrap();
    let mut names: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names
}

fn defined(arguments: &[&str], path: &Path) -> Vec<String> {
    let text = output(Command::new("nm").args(arguments).arg(path));
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_shared_library_exports_the_abi_and_nothing_else() {
    assert_eq!(defined(&["-D", "--defined-only"], &library("libmetes.so")), promised());
}

/// A library that allocates may interpose the functions that are called, so each name has its reason.
#[test]
fn the_shared_library_takes_nothing_from_elsewhere_but_what_is_listed() {
    let text = fs::read_to_string(Path::new(ROOT).join("scripts/imports.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut listed: Vec<_> = lines
        .map(|line| {
            let (name, reason) = line.split_once(' ').expect("a name and a reason");
            assert!(reason.trim().len() > 3, "no reason: {line}");
            name.to_owned()
        })
        .collect();
    listed.sort();
    let text = output(Command::new("nm").args(["-D", "--undefined-only"]).arg(library("libmetes.so")));
    let name = |line: &str| line.split_whitespace().last()?.split('@').next().map(str::to_owned);
    let mut taken: Vec<_> = text.lines().filter_map(name).collect();
    taken.sort();
    assert_eq!(taken, listed);
}

#[test]
fn the_static_library_is_one_object_with_the_same_symbols() {
    let path = library("libmetes.a");
    let mut without_cxx = promised();
    without_cxx.retain(|name| !name.contains("_Z"));
    assert_eq!(defined(&["--extern-only", "--defined-only"], &path), without_cxx);
    assert_eq!(output(Command::new("ar").arg("t").arg(&path)).lines().count(), 1);
    let undefined = output(Command::new("nm").args(["--undefined-only"]).arg(&path));
    assert!(!undefined.contains("rust"), "needs something of Rust's: {undefined}");
}

#[test]
fn the_shared_library_needs_only_the_libc_and_is_sealed() {
    let text = output(Command::new("readelf").args(["-dW"]).arg(library("libmetes.so")));
    let needed: Vec<_> = text.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert!(needed.len() == 1 && needed[0].contains("[libc.so.6]"), "{needed:?}");
    for wanted in ["[libmetes.so.0]", "NODELETE", "BIND_NOW", "STATIC_TLS"] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    for unwanted in ["TEXTREL", "(SYMBOLIC)"] {
        assert!(!text.contains(unwanted), "{unwanted} in\n{text}");
    }
    // gcc's own start-up files bring one entry (frame_dummy). metes' entry, which registers the fork handlers, is the
    // other.
    let words = |tag: &str| {
        let line = text.lines().find(|line| line.contains(tag)).unwrap_or("0 (bytes)");
        line.split_whitespace().rev().nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0) / 8
    };
    assert!(words("(INIT_ARRAYSZ)") <= 2, "{text}");
    let segments = output(Command::new("readelf").args(["-lW"]).arg(library("libmetes.so")));
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("a stack segment");
    assert!(!stack.contains("RWE"), "executable stack: {stack}");
    let tls = segments.lines().find(|line| line.trim_start().starts_with("TLS ")).expect("a TLS segment");
    assert_eq!(tls.split_whitespace().nth(5), Some("0x000010"), "more than two words of thread-local storage: {tls}");
}

/// Executable memory is not writable, and memory that the loader has written to is read-only from then on.
#[test]
fn the_shared_library_cannot_be_made_to_run_what_was_written() {
    let path = library("libmetes.so");
    let segments = output(Command::new("readelf").args(["-lW"]).arg(&path));
    // Type, offset, two addresses, two sizes, flags of up to three letters, alignment.
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let loaded: Vec<_> =
        segments.lines().map(fields).filter(|line| line.first().is_some_and(|kind| kind == "LOAD")).collect();
    assert!(loaded.len() >= 3, "{segments}");
    for line in &loaded {
        let flags = line[6..line.len() - 1].concat();
        assert!(!(flags.contains('W') && flags.contains('E')), "writable and executable: {line:?}");
    }
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    let relro = segments.lines().map(fields).find(|line| line.first().is_some_and(|kind| kind == "GNU_RELRO"));
    let relro = relro.expect("a part that is read-only after relocation");
    let sealed = hex(&relro[2])..hex(&relro[2]) + hex(&relro[5]);
    // What the loader writes is in there, with all addresses of functions. Elsewhere it writes addresses of data alone.
    let code = loaded.iter().find(|line| line[6..line.len() - 1].concat().contains('E')).expect("code");
    let code = hex(&code[2])..hex(&code[2]) + hex(&code[5]);
    let relocations = output(Command::new("readelf").args(["-rW"]).arg(&path));
    let mut seen = 0;
    for line in relocations.lines().map(fields).filter(|line| line.len() >= 4 && line[2].starts_with("R_")) {
        seen += 1;
        let is_data = line[2].ends_with("_RELATIVE") && !code.contains(&hex(&line[3]));
        assert!(sealed.contains(&hex(&line[0])) || is_data, "an address of code that stays writable: {line:?}");
    }
    assert!(seen > 50, "{relocations}");
}

#[test]
fn the_static_library_asks_for_no_executable_stack() {
    let sections = output(Command::new("readelf").args(["-SW"]).arg(library("libmetes.a")));
    let notes: Vec<_> = sections.lines().filter(|line| line.contains(".note.GNU-stack")).collect();
    assert!(notes.len() == 1, "{notes:?}");
    // Name, type, address, offset, size, entry size, flags: empty, or X.
    let flags = notes[0].split_whitespace().rev().nth(3).expect("flags or a size");
    assert!(!flags.contains('X'), "executable stack: {}", notes[0]);
    for line in sections.lines().filter(|line| line.contains("PROGBITS") || line.contains("NOBITS")) {
        let flags = line.split_whitespace().rev().nth(3).unwrap_or("");
        assert!(!(flags.contains('W') && flags.contains('X')), "writable and executable: {line}");
    }
}

/// The library's own words start as zeroes. Words that start as anything else come from the file, with a page and a
/// fault each.
#[test]
fn what_is_written_to_starts_as_zeroes() {
    let sections = output(Command::new("size").arg("-A").arg(library("libmetes.so")));
    let data = sections.lines().find_map(|line| line.strip_prefix(".data ")).expect("a section");
    let bytes: usize = data.split_whitespace().next().unwrap().parse().unwrap();
    assert!(bytes <= 4096, "{bytes} bytes of .data");
}

#[test]
fn the_library_is_small() {
    let stripped = env::temp_dir().join(format!("libmetes-stripped-{}.so", std::process::id()));
    output(Command::new("strip").arg("-o").arg(&stripped).arg(library("libmetes.so")));
    let size = fs::metadata(&stripped).unwrap().len();
    fs::remove_file(&stripped).unwrap();
    assert!(size < 576 << 10, "{size} bytes");
}

/// Regenerate with `UPDATE_HEADER=1 cargo test --test library`.
#[test]
fn the_header_says_what_the_source_says() {
    let mut config = cbindgen::Config::from_file(Path::new(ROOT).join("cbindgen.toml")).unwrap();
    config.documentation = true;
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(Path::new(ROOT).join("src/abi/metes.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/heap.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/arena.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/freelist.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/stack.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/buddy.rs"))
        .with_src(Path::new(ROOT).join("src/abi/special/pool.rs"))
        .generate()
        .expect("the API is expressible in C");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = Path::new(ROOT).join("include/metes.h");
    if env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), made, "run with UPDATE_HEADER=1 to regenerate");
}

/// Two Rust static libraries in one program clash if either shows more than its own symbols.
#[test]
fn the_static_library_links_beside_another_of_rusts() {
    let place = Path::new(ROOT).join("target/c_tests/beside");
    fs::create_dir_all(&place).unwrap();
    let write = |name: &str, text: &str| {
        fs::write(place.join(name), text).unwrap();
        place.join(name)
    };
    let rust = write(
        "other.rs",
        "#[unsafe(no_mangle)] pub extern \"C\" fn sum(n: u32) -> u32 { (0..n).collect::<Vec<u32>>().iter().sum() }",
    );
    let c = write(
        "main.c",
        "unsigned sum(unsigned); const char *metes_check(void);\n\
         int main(void) { return sum(100) != 4950 || metes_check() != 0; }",
    );
    let (other, program) = (place.join("libother.a"), place.join("program"));
    output(
        Command::new("rustc")
            .args(["--edition", "2024", "--crate-type", "staticlib", "-O", "-o"])
            .args([&other, &rust]),
    );
    output(
        Command::new("cc")
            .arg("-o")
            .args([&program, &c, &other])
            .arg("-Wl,--whole-archive")
            .arg(library("libmetes.a"))
            .args(["-Wl,--no-whole-archive", "-lpthread", "-ldl", "-lm"]),
    );
    let served = Command::new(&program).env("METES_OPTIONS", "stats=exit").output().unwrap();
    assert!(served.status.success(), "{served:?}");
    assert!(String::from_utf8_lossy(&served.stderr).contains("metes: served"), "{served:?}");
}
