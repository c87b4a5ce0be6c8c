//! A running process as the tool sees it: its memory, its maps, and what the kernel says of its pages. Nothing here
//! stops the process but `halt`.

pub mod halt;
pub mod maps;
pub mod pages;
mod runs;
mod scan;
pub mod symbol;
mod vm;

use crate::failure::Failure;
use pages::{PageMap, Run};
use std::fs;
use std::io;

/// Something whose memory can be read: a process, or what was kept of one.
pub trait Memory: Sync {
    /// Fills `into` with the bytes from an address on. False if not all of them can be read.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;

    /// The same of anonymous memory, without touching pages that are not resident: these are zero.
    fn read_untouched(&self, address: u64, into: &mut [u8]) -> bool {
        self.read(address, into)
    }
}

/// A process that runs, or is stopped.
pub struct Process {
    pid: u32,
    /// When it was started: a number that another process with the same id does not have.
    started: String,
    pages: Option<PageMap>,
}

impl Process {
    /// The process with this number, if its memory can be read.
    pub fn open(pid: u32) -> Result<Self, Failure> {
        let started = started(pid).ok_or_else(|| no_such(pid))?;
        let process = Self { pid, started, pages: PageMap::open(pid, page_size()).ok() };
        let maps = process.file("maps")?;
        let first = maps::parse(&maps).into_iter().find(|map| map.readable && !map.name.starts_with("[v"));
        let Some(first) = first else {
            return Err(Failure::about(pid, "this process has no memory: a kernel thread, or one that has ended"));
        };
        let mut byte = [0];
        match vm::read(pid, first.start, &mut byte) {
            Ok(1) => Ok(process),
            Err(error) => Err(refused(pid, &error)),
            Ok(_) => Err(no_such(pid)),
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        started(self.pid).as_ref() == Some(&self.started)
    }

    /// The failure of a process that has ended meanwhile.
    pub fn gone(&self) -> Failure {
        Failure::about(self.pid, "this process has ended")
    }

    /// Writes to its memory.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Failure> {
        vm::write(self.pid, address, bytes).map_err(|error| refused(self.pid, &error))
    }

    /// A file of its directory in /proc, as text.
    pub fn file(&self, name: &str) -> Result<String, Failure> {
        let bytes = fs::read(format!("/proc/{}/{name}", self.pid)).map_err(|error| refused(self.pid, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The runs of resident pages in `start..end`; `None` where the kernel does not say.
    pub fn resident(&self, start: u64, end: u64) -> Option<Vec<Run>> {
        self.pages.as_ref()?.runs(start, end).ok()
    }

    /// The name of its program, as `ps` shows it.
    pub fn name(&self) -> String {
        self.file("comm").map_or_else(|_| "?".into(), |name| name.trim_end().into())
    }
}

impl Memory for Process {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let mut done = 0;
        while done < into.len() {
            match vm::read(self.pid, address + done as u64, &mut into[done..]) {
                Ok(n) if n > 0 => done += n,
                _ => return false,
            }
        }
        true
    }

    fn read_untouched(&self, address: u64, into: &mut [u8]) -> bool {
        let end = address + into.len() as u64;
        let runs = self.resident(address, end);
        let Some(runs) = runs else { return self.read(address, into) };
        into.fill(0);
        runs.iter().all(|run| {
            let (from, to) = (run.start.max(address), run.end.min(end));
            from >= to || self.read(from, &mut into[(from - address) as usize..(to - address) as usize])
        })
    }
}

/// The start time of a process that has not ended: the 20th word behind its name, which is in parentheses.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?;
    (state != "Z" && state != "X").then(|| words.nth(18).map(Into::into))?
}

/// The bytes of a page.
pub fn page_size() -> u64 {
    // SAFETY: it only returns a number.
    #[expect(unsafe_code, reason = "the C library knows the number")]
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

fn no_such(pid: u32) -> Failure {
    Failure::about(pid, "there is no such process")
}

/// What a refusal means, and what helps.
fn refused(pid: u32, error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::ESRCH | libc::ENOENT) => no_such(pid),
        Some(libc::EPERM | libc::EACCES) => Failure::about(pid, why_not(pid)),
        _ => Failure::about(pid, format!("cannot read this process: {error}")),
    }
}

fn why_not(pid: u32) -> String {
    // SAFETY: it only returns a number.
    #[expect(unsafe_code, reason = "the kernel knows the number")]
    let me = unsafe { libc::geteuid() };
    // The directory is root's where a process may not be dumped.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
    let owner = uid.unwrap_or(me);
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        _ if owner != me => "this process is another user's: run metes as that user, or as root".into(),
        "1" => "the system lets a user read only processes that the reader has started (kernel.yama.ptrace_scope is 1): run metes as root, or start the program with metes run".into(),
        "2" | "3" => format!("the system lets only root read other processes (kernel.yama.ptrace_scope is {}): run metes as root", scope.trim()),
        _ => "this process cannot be read: it changed its user, or may not be dumped; run metes as root".into(),
    }
}
