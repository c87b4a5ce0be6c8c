//! A process that runs: whether metes serves it, how it came there, and what it was told.

use super::findings::Findings;
use super::program::malloc_of;
use crate::elf;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Looks at a process.
pub fn look(process: u32, findings: &mut Findings) -> Result<(), Failure> {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let subject = format!("process {process}");
    if !folder.is_dir() {
        return Err(Failure::about(subject, "there is no such process"));
    }
    let maps = fs::read(folder.join("maps")).map_err(|error| Failure::of_system(&subject, &error))?;
    let maps = String::from_utf8_lossy(&maps);
    let exe = fs::read_link(folder.join("exe")).map_err(|error| Failure::of_system(&subject, &error))?;
    findings.ok("process", format!("{process} runs {}", exe.display()));
    let environment = environment(&folder);
    let preloaded = environment.get("LD_PRELOAD").cloned().unwrap_or_default();
    let (mut is_served, mut others) = (false, Vec::new());
    for (path, bytes) in files(&maps) {
        // As the process sees it, also in another root, and after the file was replaced.
        let seen = folder.join("root").join(path.trim_start_matches('/'));
        let Some(elf) = fs::read(&seen).ok().and_then(|bytes| elf::read(&bytes)) else {
            if path.contains("libmetes.so") {
                is_served = true;
                let what = format!("{path} is mapped, and was replaced or removed since");
                findings.note("malloc", what, "start the process anew for the new one");
            }
            continue;
        };
        match malloc_of(&elf) {
            Some("metes") => {
                is_served = true;
                let name =
                    Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let is_named = preloaded.split([' ', ':']).any(|one| !one.is_empty() && is_same(&folder, one, &path));
                let how = match () {
                    () if Path::new(&path) == exe => "is linked into the program".to_owned(),
                    () if is_named => "was preloaded".to_owned(),
                    () => format!("was linked, or loaded by /etc/ld.so.preload ({name} is not in LD_PRELOAD)"),
                };
                findings.ok("malloc", format!("metes {how}: {path}, {} KiB mapped", bytes >> 10));
            }
            Some(other) => others.push((path, other)),
            None => {}
        }
    }
    for (path, other) in others {
        let advice = if is_served { "which of the two came first serves malloc" } else { "" };
        findings.note("malloc", format!("{other} is loaded too: {path}"), advice);
    }
    if !is_served {
        findings.stop(
            "malloc",
            "metes is not loaded",
            "it cannot be loaded into a process that runs: start it by metes run",
        );
    }
    match environment.get("METES_OPTIONS").filter(|options| !options.is_empty()) {
        Some(options) => findings.ok("options", format!("it was started with METES_OPTIONS={options}")),
        None if environment.is_empty() => findings.note("options", "its environment cannot be read", ""),
        None => findings.ok("options", "it was started with the defaults"),
    }
    Ok(())
}

/// Whether a word of LD_PRELOAD leads to a path that is mapped.
fn is_same(process: &Path, word: &str, mapped: &str) -> bool {
    let root = process.join("root");
    let within = |path: &str| fs::canonicalize(root.join(path.trim_start_matches('/'))).ok();
    word == mapped || (within(word).is_some() && within(word) == within(mapped))
}

/// The files of a list of mappings that have code in them, and the bytes of each that are mapped.
fn files(maps: &str) -> BTreeMap<String, u64> {
    let (mut sizes, mut with_code) = (BTreeMap::<String, u64>::new(), Vec::new());
    for line in maps.lines() {
        let mut words = line.splitn(6, ' ');
        let (Some(range), Some(rights), Some(path)) = (words.next(), words.next(), words.nth(3)) else { continue };
        let path = path.trim_start();
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let ends = range.split_once('-').and_then(|(start, end)| Some((hex(start)?, hex(end)?)));
        let (true, Some((start, end))) = (path.starts_with('/'), ends) else { continue };
        *sizes.entry(path.to_owned()).or_default() += end - start;
        if rights.contains('x') {
            with_code.push(path.to_owned());
        }
    }
    sizes.retain(|path, _| with_code.contains(path));
    sizes
}

/// The environment that a process was started with; empty if it cannot be read.
fn environment(process: &Path) -> BTreeMap<String, String> {
    let bytes = fs::read(process.join("environ")).unwrap_or_default();
    let texts = bytes.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    texts.filter_map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_code_are_told_from_the_rest() {
        let maps = "1000-3000 r--p 00000000 08:01 7 /a b/lib.so\n3000-4000 r-xp 00002000 08:01 7                  /a b/lib.so\n\
                    4000-5000 rw-p 00000000 08:01 8 /data\n5000-6000 r-xp 00000000 00:00 0 [vdso]\n7000-8000 rw-p 00000000 00:00 0 \n";
        assert_eq!(files(maps).into_iter().collect::<Vec<_>>(), [("/a b/lib.so".to_owned(), 0x3000)]);
    }
}
