//! A private directory with the file that reports go to. It goes away with its value. What a killed one left behind goes
//! away at the next start: as long as its owner lives, the file is locked.

#![allow(unsafe_code)]

use crate::failure::Failure;
use std::ffi::CString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "metes-run-";
const FILE: &str = "reports";
/// The directory of a file system that is in memory.
const MEMORY: &str = "/dev/shm";
/// The library takes paths of at most 255 bytes. This many are left for the name of the directory and the file.
const LONGEST_PARENT: usize = 180;
/// Bytes that are taken for reports beforehand.
const ROOM: libc::off_t = 1 << 20;

/// The directory and its file.
pub struct Scratch {
    directory: PathBuf,
    /// The file, open for reading and locked.
    pub file: File,
}

impl Scratch {
    /// Makes the directory in TMPDIR, or where that cannot be.
    pub fn new() -> Result<Self, Failure> {
        Self::in_one_of([std::env::temp_dir(), "/tmp".into(), "/var/tmp".into(), MEMORY.into()])
    }

    /// The same for much that is written and soon gone: in memory, if there is plenty and TMPDIR names no other place. A
    /// program that writes to a mapped file waits for the disk now and then.
    pub fn for_much() -> Result<Self, Failure> {
        if std::env::var_os("TMPDIR").is_some() || !is_memory_plenty() {
            return Self::new();
        }
        Self::in_one_of([MEMORY.into(), std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()])
    }

    fn in_one_of(parents: [PathBuf; 4]) -> Result<Self, Failure> {
        let mut last = None;
        sweep(Path::new(MEMORY));
        for parent in parents.iter().filter(|parent| can_be_named(parent)) {
            sweep(parent);
            match Self::make(parent) {
                Ok(made) => return Ok(made),
                Err(error) => last = Some((parent, error)),
            }
        }
        Err(last.map_or_else(
            || Failure::about("TMPDIR", "no directory for temporary files"),
            |(parent, error)| Failure::of_system(parent.display(), &error),
        ))
    }

    fn make(parent: &Path) -> io::Result<Self> {
        let process = std::process::id();
        let mut number = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
        let directory = loop {
            let directory = parent.join(format!("{PREFIX}{process}-{number:x}"));
            // It fails if the name is taken, whatever has it.
            match DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => break directory,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number = number.wrapping_add(1),
                Err(error) => return Err(error),
            }
        };
        let open = || {
            let mut options = File::options();
            let file = options.read(true).write(true).create_new(true).mode(0o600).open(directory.join(FILE))?;
            (lock(&file) && has_room(&file)).then_some(file).ok_or_else(io::Error::last_os_error)
        };
        match open() {
            Ok(file) => Ok(Self { directory, file }),
            Err(error) => {
                let _ = fs::remove_dir_all(&directory);
                Err(error)
            }
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Whether there is memory for some hundred million recorded calls that nobody has packed yet.
fn is_memory_plenty() -> bool {
    const PLENTY: u64 = 4 << 30;
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"));
    let available = available.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) << 10;
    available >= PLENTY && free_in(Path::new(MEMORY)) >= PLENTY
}

/// Bytes that a file system has room for.
fn free_in(directory: &Path) -> u64 {
    let Ok(path) = CString::new(directory.as_os_str().as_bytes()) else { return 0 };
    // SAFETY: plain words; the kernel writes them all or says that it cannot.
    unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        if libc::statvfs(path.as_ptr(), &raw mut found) == 0 { found.f_bavail * found.f_frsize } else { 0 }
    }
}

fn lock(file: &File) -> bool {
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

/// Takes room for the first reports, so that a disk that fills up later does not lose them. False if there is none now.
fn has_room(file: &File) -> bool {
    // SAFETY: the descriptor is open. The file's length stays zero.
    let done = unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, 0, ROOM) };
    // Not all file systems can do this.
    done == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ENOSPC)
}

/// Whether the library's options can have a path in this directory: `%p` and commas mean something else there.
fn can_be_named(parent: &Path) -> bool {
    parent.is_absolute()
        && parent.to_str().is_some_and(|text| text.len() < LONGEST_PARENT && !text.contains([',', '%', '\n']))
}

/// Takes away the directories of processes of this user that were killed.
fn sweep(parent: &Path) {
    // SAFETY: only asks.
    let user = unsafe { libc::geteuid() };
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if !is_ours || !fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == user) {
            continue;
        }
        let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path.join(FILE));
        // Without the file, its owner may be about to make it.
        if file.is_ok_and(|file| lock(&file)) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_goes_away_and_so_does_what_others_left() {
        let place = std::env::temp_dir().join(format!("metes-scratch-{}", std::process::id()));
        fs::create_dir(&place).unwrap();
        let left = place.join("metes-run-1-0");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(FILE), "").unwrap();
        let held = Scratch::make(&place).unwrap();
        let mode = fs::metadata(&held.directory).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        sweep(&place);
        assert!(!left.exists() && held.path().exists());
        drop(held);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        fs::remove_dir(&place).unwrap();
    }

    #[test]
    fn paths_that_the_options_cannot_have_are_not_taken() {
        assert!(can_be_named(Path::new("/tmp/a b")));
        for bad in ["tmp", "/a,b", "/%p", &format!("/{}", "x".repeat(200))] {
            assert!(!can_be_named(Path::new(bad)), "{bad}");
        }
    }
}
