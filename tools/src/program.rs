//! A program that is to run on metes: where it is, and what keeps a preloaded library out of it.

use crate::elf::{self, Elf};
use crate::failure::Failure;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{env, io};

/// The exit statuses of shells for a program that is not there, and for one that cannot be run.
pub const NOT_FOUND: u8 = 127;
/// See `NOT_FOUND`.
pub const NOT_EXECUTABLE: u8 = 126;
/// A script's interpreter may be a script, and so on.
const SCRIPTS: usize = 5;

/// The file that a name stands for, as the shell finds it.
pub fn find(name: &OsStr) -> Result<PathBuf, Failure> {
    let about = |why: &str, status| Err(Failure::about(name.display(), why).with_status(status));
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match fs::metadata(&path) {
            Ok(found) if found.is_dir() => about("is a directory", NOT_EXECUTABLE),
            Ok(_) if !is_executable(&path) => about("Permission denied", NOT_EXECUTABLE),
            Ok(_) => Ok(path),
            Err(error) => {
                let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
                let status = if is_denied { NOT_EXECUTABLE } else { NOT_FOUND };
                Err(Failure::of_system(name.display(), &error).with_status(status))
            }
        };
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let there: Vec<_> = env::split_paths(&path).map(|folder| folder.join(name)).filter(|path| path.is_file()).collect();
    match (there.iter().find(|path| is_executable(path)), there.first()) {
        _ if name.is_empty() => about("command not found", NOT_FOUND),
        (Some(path), _) => Ok(path.clone()),
        (None, Some(_)) => about("Permission denied", NOT_EXECUTABLE),
        (None, None) => about("command not found", NOT_FOUND),
    }
}

#[allow(unsafe_code)]
fn is_executable(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: a C string, and the kernel only looks.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) == 0 }
}

/// The file that the kernel loads for a program: the program itself, or the interpreter of a script.
pub struct Image {
    /// Its path.
    pub path: PathBuf,
    /// What it says of itself; `None` if this user may not read it, or if it is no ELF file.
    pub elf: Option<Elf>,
}

/// The image of a program.
pub fn image(path: &Path) -> Image {
    let mut path = path.to_path_buf();
    for _ in 0..SCRIPTS {
        match interpreter(&path) {
            Some(next) => path = next,
            None => break,
        }
    }
    let elf = fs::read(&path).ok().and_then(|bytes| elf::read(&bytes));
    Image { path, elf }
}

/// What the first line of a script names.
fn interpreter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let program = PathBuf::from(OsString::from_vec(words.next()?.to_vec()));
    if program.file_name() == Some(OsStr::new("env")) {
        // env itself takes a preload, and hands it on to the program that it is given.
        let given = words
            .map(OsStr::from_bytes)
            .find(|word| !word.as_bytes().starts_with(b"-") && !word.as_bytes().contains(&b'='));
        return given.and_then(|name| find(name).ok()).or(Some(program));
    }
    Some(program)
}

/// Why the loader will not preload a library into a program, and what helps.
pub struct Obstacle {
    /// What keeps it out, as what is said of the program.
    pub what: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// What keeps a library out of a program, as far as the file says it.
pub fn obstacle(image: &Image, library: &Elf) -> Option<Obstacle> {
    let found = |what: &str, advice| Some(Obstacle { what: what.to_owned(), advice });
    if let Some(rights) = more_rights(&image.path) {
        let what = format!("has more rights than its caller ({rights}), so ld.so ignores LD_PRELOAD");
        return found(&what, "link metes into it, or run a copy without these rights");
    }
    let elf = image.elf.as_ref()?;
    if elf.machine != library.machine {
        let what = format!("is for {}, and the library for {}", elf.machine_name(), library.machine_name());
        return found(&what, "build metes for that machine (docs/ports.md)");
    }
    if elf.interpreter.is_none() {
        return found("is statically linked: it has no loader that could preload a library", "link libmetes.a into it");
    }
    match (elf.is_of_musl(), library.is_of_musl()) {
        (true, false) => {
            found("runs on musl, and the library was built for glibc", "build metes for musl (docs/ports.md)")
        }
        (false, true) => {
            found("runs on glibc, and the library was built for musl", "name another library by --library")
        }
        _ => None,
    }
}

/// The rights that a program gets from its file, if the kernel would give them to this user: it says `AT_SECURE` then.
#[allow(unsafe_code)]
fn more_rights(path: &Path) -> Option<&'static str> {
    let found = fs::metadata(path).ok()?;
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: the calls read a C string, write to a structure of the right type, or only ask.
    let (user, group, ignored) = unsafe {
        let mut system: libc::statvfs = std::mem::zeroed();
        let is_without = libc::statvfs(name.as_ptr(), &raw mut system) == 0 && system.f_flag & libc::ST_NOSUID != 0;
        let no_new = libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
        (libc::getuid(), libc::getgid(), is_without || no_new)
    };
    if ignored {
        return None;
    }
    let mode = found.permissions().mode();
    if mode & libc::S_ISUID != 0 && found.uid() != user {
        return Some("set-user-id");
    }
    if mode & (libc::S_ISGID | libc::S_IXGRP) == libc::S_ISGID | libc::S_IXGRP && found.gid() != group {
        return Some("set-group-id");
    }
    // SAFETY: asks for the size of an attribute, with two C strings.
    let size = unsafe { libc::getxattr(name.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) };
    (size > 0 && user != 0).then_some("file capabilities")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_the_shell_finds_them() {
        assert!(find(OsStr::new("sh")).unwrap().ends_with("sh"));
        assert_eq!(find(OsStr::new("/bin/sh")).unwrap(), Path::new("/bin/sh"));
        for nothing in ["", "no such program", "/no/such/program", "/etc/passwd", "/"] {
            assert!(find(OsStr::new(nothing)).is_err(), "{nothing}");
        }
    }

    #[test]
    fn a_script_is_what_interprets_it() {
        let place = env::temp_dir().join(format!("metes-script-{}", std::process::id()));
        for (line, wanted) in
            [("#!/bin/sh", "/bin/sh"), ("#! /usr/bin/env -S A=1 sh -e", "sh"), ("echo", "metes-script")]
        {
            fs::write(&place, format!("{line}\n")).unwrap();
            let image = image(&place);
            assert!(image.path.to_string_lossy().contains(wanted), "{line}: {}", image.path.display());
        }
        fs::remove_file(&place).unwrap();
    }
}
