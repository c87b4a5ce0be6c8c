//! The allocators that are here: the libc's, metes, and those of Debian's packages.

use crate::failure::Failure;
use crate::{elf, library};
use std::fs;
use std::path::{Path, PathBuf};

/// An allocator.
#[derive(Clone)]
pub struct Allocator {
    /// What it is called in the table.
    pub name: String,
    /// Its shared library; none is the libc's own.
    pub path: Option<PathBuf>,
}

/// The sonames of Debian's packages; of what has several, the one that is there.
const KNOWN: [(&str, &[&str]); 4] = [
    ("jemalloc", &["libjemalloc.so.2"]),
    ("mimalloc", &["libmimalloc.so.2", "libmimalloc.so.2.0", "libmimalloc.so.3"]),
    ("tcmalloc", &["libtcmalloc_minimal.so.4"]),
    ("tbbmalloc", &["libtbbmalloc_proxy.so.2"]),
];
/// The name of metes.
pub const METES: &str = "metes";
/// The name of the libc's malloc.
pub const LIBC: &str = "glibc";

/// Those that are installed, and those that are given as NAME=PATH. Each name of `only` has to be one of theirs.
pub fn find(metes: Option<&Path>, given: &[String], only: &[String]) -> Result<Vec<Allocator>, Failure> {
    let metes = library::find(metes)?;
    let mut all = vec![
        Allocator { name: LIBC.to_owned(), path: None },
        Allocator { name: METES.to_owned(), path: Some(metes.path) },
    ];
    for (name, sonames) in KNOWN {
        let path = sonames.iter().flat_map(|soname| library::loader_cache(soname)).find(|path| check(path).is_ok());
        all.extend(path.map(|path| Allocator { name: name.to_owned(), path: Some(path) }));
    }
    for text in given {
        let Some((name, path)) = text.split_once('=').filter(|(name, path)| !name.is_empty() && !path.is_empty())
        else {
            return Err(Failure::about(text, "--allocator takes NAME=PATH"));
        };
        if all.iter().any(|other| other.name == name) {
            return Err(Failure::about(name, "there is an allocator of this name already"));
        }
        check(Path::new(path))?;
        let path = std::path::absolute(path).map_err(|error| Failure::of_system(path, &error))?;
        all.push(Allocator { name: name.to_owned(), path: Some(path) });
    }
    let names: Vec<_> = all.iter().map(|one| one.name.clone()).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
        return Err(Failure::about(unknown, format!("no such allocator; here are {}", names.join(", "))));
    }
    Ok(all)
}

/// Why a process with these mappings was not on an allocator: the text is that of /proc/PID/maps.
pub fn not_on(on: &Allocator, all: &[Allocator], mapped: &str) -> Option<String> {
    if mapped.is_empty() {
        return Some("its mappings could not be read".to_owned());
    }
    let path_of = |one: &Allocator| one.path.as_ref().and_then(|path| fs::canonicalize(path).ok());
    let is_mapped = |path: &Path| mapped.lines().any(|line| line.ends_with(&format!(" {}", path.display())));
    let own = path_of(on);
    if on.path.is_some() && !own.as_deref().is_some_and(is_mapped) {
        return Some("the allocator was not loaded".to_owned());
    }
    let other = all.iter().find(|one| path_of(one).is_some_and(|path| Some(&path) != own.as_ref() && is_mapped(&path)));
    other.map(|other| format!("{} was loaded too", other.name))
}

fn check(path: &Path) -> Result<(), Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::of_system(path.display(), &error))?;
    let elf = elf::read(&bytes).ok_or_else(|| Failure::about(path.display(), "is no shared library"))?;
    if !elf.exports.contains("malloc") {
        return Err(Failure::about(path.display(), "exports no malloc"));
    }
    Ok(())
}
