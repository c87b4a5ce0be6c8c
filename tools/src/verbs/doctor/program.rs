//! A program that does not run yet: what keeps a preloaded library out of it, and which other malloc it has.

use super::findings::Findings;
use crate::elf::{self, Elf};
use crate::failure::Failure;
use crate::library::{self, Library};
use crate::program::{self, Image};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A function that only this malloc has.
const MALLOCS: [(&str, &[&str]); 8] = [
    ("metes", &["metes_version"]),
    ("AddressSanitizer", &["__asan_init"]),
    ("jemalloc", &["mallctl", "je_mallctl", "_rjem_mallctl"]),
    ("tcmalloc", &["tc_malloc", "MallocExtension_Internal_GetProperties"]),
    ("mimalloc", &["mi_malloc"]),
    ("TBB's malloc", &["scalable_malloc"]),
    ("snmalloc", &["sn_malloc"]),
    ("rpmalloc", &["rpmalloc"]),
];

/// Libraries that are looked at: a program that needs more is not looked through to its end.
const MOST: usize = 500;

/// The malloc that a file has in it.
pub fn malloc_of(elf: &Elf) -> Option<&'static str> {
    MALLOCS.iter().find(|(_, marks)| marks.iter().any(|mark| elf.has(mark))).map(|(name, _)| *name)
}

/// Looks at a program.
pub fn look(name: &OsStr, library: Option<&Library>, findings: &mut Findings) -> Result<(), Failure> {
    let path = program::find(name).map_err(|failure| failure.with_status(2))?;
    let image = program::image(&path);
    if image.path != path {
        findings.note("program", format!("{} is a script for {}", path.display(), image.path.display()), "");
    }
    let subject = image.path.display();
    let Some(elf) = &image.elf else {
        let what = format!("{subject} cannot be read by this user, or is no ELF file");
        findings.note("program", what, "run `metes doctor PID` while it runs");
        return Ok(());
    };
    if let Some(library) = library {
        match program::obstacle(&image, &library.elf) {
            Some(_) if elf.interpreter.is_none() && elf.has("metes_version") => {
                findings.ok("program", format!("{subject} is static, and metes is linked into it"));
                return Ok(());
            }
            Some(found) => findings.stop("program", format!("{subject} {}", found.what), found.advice),
            None => findings.ok("program", format!("{subject} takes a preloaded library")),
        }
    }
    other_mallocs(&image, elf, findings);
    let what = "a plug-in that is loaded with RTLD_DEEPBIND takes the libc's malloc, which no file says beforehand";
    findings.note(
        "plug-ins",
        what,
        "LD_DEBUG=bindings shows it: `binding file PLUGIN to libc.so.6: normal symbol `malloc'`",
    );
    Ok(())
}

fn other_mallocs(image: &Image, elf: &Elf, findings: &mut Findings) {
    let subject = image.path.display();
    match malloc_of(elf) {
        Some("metes") => {
            let what = format!("metes is linked into {subject}");
            findings.note("malloc", what, "METES_OPTIONS is enough: a preloaded metes would be another one beside it");
        }
        Some("AddressSanitizer") => {
            let what = format!("{subject} is built with AddressSanitizer, which refuses any preload");
            findings.stop("malloc", what, "build it without -fsanitize=address");
        }
        Some(other) if elf.exports.contains("malloc") => {
            let what = format!("{subject} has {other} in it and exports it: its own calls may go there");
            findings.stop("malloc", what, "build the program without it");
        }
        Some(other) => {
            let what = format!("{subject} has {other} in it, whose own functions it may call");
            findings.note("malloc", what, "build the program without it to have metes serve all");
        }
        None if elf.exports.contains("malloc") => {
            let what = format!("{subject} exports a malloc of its own, which comes before any preloaded one");
            findings.stop("malloc", what, "build the program without it");
        }
        None => {}
    }
    for (soname, path) in closure(&image.path, elf, findings) {
        let Some(elf) = read(&path) else { continue };
        match malloc_of(&elf) {
            Some("metes") => {
                findings.note(
                    "malloc",
                    format!("{subject} needs {soname}: metes is linked"),
                    "a preload is not needed",
                );
            }
            Some("AddressSanitizer") => {
                let what = format!("{subject} needs {soname}: AddressSanitizer refuses any preload");
                findings.stop("malloc", what, "build it without -fsanitize=address");
            }
            Some(other) => {
                let what = format!("{subject} needs {soname}, which is {other}: a preloaded metes comes before it");
                findings.note("malloc", what, "its own functions still go there");
            }
            None if elf.exports.contains("malloc") && !soname.starts_with("libc.") && !soname.starts_with("ld-") => {
                let what = format!("{subject} needs {soname}, which has a malloc: a preloaded metes comes before it");
                findings.note("malloc", what, "");
            }
            None => {}
        }
    }
    let variable = env::var("LD_PRELOAD").unwrap_or_default();
    let of_all = fs::read_to_string("/etc/ld.so.preload").unwrap_or_default();
    for (place, text) in [("LD_PRELOAD", variable), ("/etc/ld.so.preload", of_all)] {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        for path in lines.flat_map(|line| line.split([' ', ':', '\t'])).filter(|path| !path.is_empty()) {
            match read(Path::new(path)).as_ref().and_then(malloc_of) {
                Some("metes") => findings.ok("malloc", format!("{place} has metes: {path}")),
                Some(other) => {
                    let what = format!("{place} has {path}, which is {other}");
                    findings.note("malloc", what, "metes run puts metes before it");
                }
                None => {}
            }
        }
    }
}

fn read(path: &Path) -> Option<Elf> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    elf::read(&fs::read(path).ok()?)
}

/// The libraries that a program needs, directly or not, as the loader finds them.
fn closure(path: &Path, elf: &Elf, findings: &mut Findings) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let needs = |path: &Path, elf: &Elf| {
        let folder =
            fs::canonicalize(path).ok().and_then(|path| Some(path.parent()?.to_path_buf())).unwrap_or_default();
        let origin = folder.to_string_lossy().into_owned();
        let run_path: Vec<_> =
            elf.run_path.iter().map(|one| one.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin)).collect();
        elf.needed.iter().map(|soname| (soname.clone(), run_path.clone())).collect::<Vec<_>>()
    };
    let mut next = VecDeque::from(needs(path, elf));
    while let Some((soname, run_path)) = next.pop_front() {
        if found.contains_key(&soname) || found.len() == MOST {
            continue;
        }
        let Some(path) = locate(&soname, &run_path) else {
            findings.note("program", format!("{} needs {soname}, which is not found", path.display()), "");
            found.insert(soname, PathBuf::new());
            continue;
        };
        if let Some(elf) = read(&path) {
            next.extend(needs(&path, &elf));
        }
        found.insert(soname, path);
    }
    found
}

fn locate(soname: &str, run_path: &[String]) -> Option<PathBuf> {
    if soname.contains('/') {
        return Some(PathBuf::from(soname)).filter(|path| path.is_file());
    }
    let variable = env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let first = run_path.iter().map(String::as_str).chain(variable.split(':')).filter(|folder| !folder.is_empty());
    let beside = first.map(|folder| Path::new(folder).join(soname)).find(|path| path.is_file());
    let cached = || library::loader_cache(soname).into_iter().find(|path| read(path).is_some_and(|elf| elf.machine.1));
    let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
    let usual = || {
        let folders = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from);
        let with_machine = ["/lib", "/usr/lib"].map(|folder| Path::new(folder).join(&multiarch));
        with_machine.into_iter().chain(folders).map(|folder| folder.join(soname)).find(|path| path.is_file())
    };
    beside.or_else(cached).or_else(usual)
}
