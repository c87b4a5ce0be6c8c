//! Where libmetes.so is, and which version it has.

use crate::elf::{self, Elf};
use crate::failure::Failure;
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const NAMES: [&str; 2] = ["libmetes.so", "libmetes.so.0"];
/// What ld.so takes for more than a letter of a path.
const SEPARATORS: &[u8] = b" :$\t";

/// A library that was found.
pub struct Library {
    /// Its absolute path.
    pub path: PathBuf,
    /// What it says of itself.
    pub elf: Elf,
}

/// The library: what `given` says, else METES_LIBRARY, else beside this program and where it is installed.
pub fn find(given: Option<&Path>) -> Result<Library, Failure> {
    let variable = env::var_os("METES_LIBRARY").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = given.map(Path::to_path_buf).or(variable) {
        return open(&path);
    }
    let places = places();
    let found = places.iter().find(|path| path.is_file());
    match found.cloned().or_else(in_loader_cache) {
        Some(path) => open(&path),
        None => {
            let mut looked: Vec<_> = places.iter().filter_map(|path| path.parent()).collect();
            looked.dedup();
            let looked: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
            let why = format!(
                "is not in {}, nor in the cache of ld.so; name it by --library or METES_LIBRARY",
                looked.join(", ")
            );
            Err(Failure::about("libmetes.so", why))
        }
    }
}

fn open(path: &Path) -> Result<Library, Failure> {
    let fail = |why: &str| Failure::about(path.display(), why);
    let bytes = fs::read(path).map_err(|error| Failure::of_system(path.display(), &error))?;
    let elf = elf::read(&bytes).ok_or_else(|| fail("is no shared library"))?;
    if !elf.exports.contains("metes_version") {
        return Err(fail("is not metes: it has no metes_version"));
    }
    let path = std::path::absolute(path).map_err(|error| Failure::of_system(path.display(), &error))?;
    if path.as_os_str().as_bytes().iter().any(|byte| SEPARATORS.contains(byte)) {
        return Err(fail("ld.so cannot preload a path with a blank, a colon or a dollar sign in it"));
    }
    Ok(Library { path, elf })
}

/// The paths by which the library may stand beside this program, in their order.
fn places() -> Vec<PathBuf> {
    let Some(here) = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_path_buf())) else {
        return Vec::new();
    };
    let parent = here.parent().unwrap_or(&here).to_path_buf();
    let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
    let folders = [here, parent.join("lib"), parent.join("lib").join(multiarch), parent.join("release")];
    folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name))).collect()
}

/// The paths of a soname in the loader's cache.
pub fn loader_cache(soname: &str) -> Vec<PathBuf> {
    // Its folder is not in every user's PATH.
    let run =
        ["/sbin/ldconfig", "/usr/sbin/ldconfig"].iter().find_map(|tool| Command::new(tool).arg("-p").output().ok());
    let text = run.map(|run| String::from_utf8_lossy(&run.stdout).into_owned()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.trim().split_once(" => "));
    let named = lines.filter(|(what, _)| what.split(' ').next() == Some(soname));
    named.map(|(_, path)| PathBuf::from(path)).collect()
}

fn in_loader_cache() -> Option<PathBuf> {
    NAMES.iter().rev().flat_map(|name| loader_cache(name)).find(|path| path.is_file())
}

impl Library {
    /// What LD_PRELOAD has to be: this library before all that is in it already.
    pub fn preload(&self) -> OsString {
        let mut words = self.path.clone().into_os_string();
        if let Some(before) = env::var_os("LD_PRELOAD").filter(|before| !before.is_empty()) {
            words.push(":");
            words.push(before);
        }
        words
    }

    /// Its version, as it says it itself when this program runs on it.
    pub fn version(&self) -> Option<String> {
        let myself = env::current_exe().ok()?;
        let run =
            Command::new(myself).arg(ASK).env("LD_PRELOAD", &self.path).env_remove("METES_OPTIONS").output().ok()?;
        let text = String::from_utf8(run.stdout).ok()?;
        (run.status.success() && !text.is_empty()).then_some(text)
    }
}

/// The argument by which this program asks the library that it runs on.
pub const ASK: &str = "--version-of-the-library";

/// The version of the metes that this process runs on; `None` if it runs on another malloc.
#[allow(unsafe_code)]
pub fn version_here() -> Option<String> {
    // SAFETY: the name is a C string, and dlsym only looks up.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"metes_version".as_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: the function of this name takes nothing and returns a C string that is always there.
    let text = unsafe {
        let version: extern "C" fn() -> *const libc::c_char = std::mem::transmute(found);
        CStr::from_ptr(version())
    };
    Some(text.to_string_lossy().into_owned())
}
