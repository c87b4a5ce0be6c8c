//! One run of a program on an allocator: what it took, and whether the allocator was there.
//!
//! The program runs under ptrace, which stops it twice: when it starts, and when it is about to end and still has its
//! memory. There its mappings say which allocators were loaded.

#![allow(unsafe_code)]

use crate::allocators::{self, Allocator};
use crate::failure::{Failure, reason};
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::mem::zeroed;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::time::Instant;

/// What a run took.
#[derive(Serialize, Clone, Copy)]
pub struct Run {
    /// Seconds of CPU time, of the program and its children.
    pub cpu: f64,
    /// Seconds from start to end.
    pub wall: f64,
    /// The most KiB that were resident.
    pub peak_kib: f64,
    /// Page faults, small and large.
    pub faults: f64,
}

/// Seconds of CPU time.
pub const CPU: fn(&Run) -> f64 = |run| run.cpu;
/// MiB that were resident.
pub const MEMORY: fn(&Run) -> f64 = |run| run.peak_kib / 1024.0;

/// Runs the program once. The inner error says why the run does not count.
pub fn run(
    command: &[OsString],
    on: &Allocator,
    all: &[Allocator],
    output: bool,
) -> Result<Result<Run, String>, Failure> {
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]).stdin(Stdio::null()).env_remove("LD_PRELOAD");
    if !output {
        child.stdout(Stdio::null());
    }
    if let Some(path) = &on.path {
        child.env("LD_PRELOAD", path);
    }
    // SAFETY: the call may be made between fork and exec.
    unsafe {
        child.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let start = Instant::now();
    let spawned = child.spawn().map_err(|error| Failure::about(command[0].display(), reason(&error)))?;
    let process = spawned.id().cast_signed();
    let (status, usage, end) = follow(process).map_err(|error| Failure::of_system("ptrace", &error))?;
    let wall = start.elapsed().as_secs_f64();
    if libc::WIFSIGNALED(status) {
        return Ok(Err(format!("ended by signal {}", libc::WTERMSIG(status))));
    }
    if libc::WEXITSTATUS(status) != 0 {
        return Ok(Err(format!("ended with status {}", libc::WEXITSTATUS(status))));
    }
    if let Some(why) = allocators::not_on(on, all, &end.mapped) {
        return Ok(Err(why));
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Ok(Run {
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        wall,
        peak_kib: if usage.ru_maxrss > own_peak() { usage.ru_maxrss as f64 } else { end.peak_kib },
        faults: (usage.ru_minflt + usage.ru_majflt) as f64,
    }))
}

/// The most KiB of this process. The kernel counts a program from its fork on, so what it says of a smaller one is this.
fn own_peak() -> libc::c_long {
    // SAFETY: the kernel writes the structure.
    unsafe {
        let mut usage: libc::rusage = zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage.ru_maxrss
    }
}

/// What a program had when it was about to end.
#[derive(Default)]
struct End {
    /// Its mappings, as /proc/PID/maps has them.
    mapped: String,
    /// The most KiB that were resident since it was started, without its children's.
    peak_kib: f64,
}

impl End {
    fn of(process: libc::pid_t) -> Self {
        let read = |name| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        Self { mapped: read("maps"), peak_kib: peak.unwrap_or(0.0) }
    }
}

/// Waits for the end of a child that is traced: its status, what it used, and what it had at the end.
fn follow(process: libc::pid_t) -> io::Result<(libc::c_int, libc::rusage, End)> {
    const OPTIONS: libc::c_int = libc::PTRACE_O_TRACEEXIT | libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_EXITKILL;
    let (mut end, mut is_set) = (End::default(), false);
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes both answers; the requests concern a child that is stopped.
        unsafe {
            let mut usage: libc::rusage = zeroed();
            if libc::wait4(process, &raw mut status, libc::__WALL, &raw mut usage) < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            if !libc::WIFSTOPPED(status) {
                return Ok((status, usage, end));
            }
            let event = status >> 16;
            if event == libc::PTRACE_EVENT_EXIT {
                end = End::of(process);
            }
            // The first stop is that of the program's start. All others without an event are signals for the program.
            let signal = if is_set && event == 0 { libc::WSTOPSIG(status) } else { 0 };
            if !is_set {
                libc::ptrace(libc::PTRACE_SETOPTIONS, process, null_mut::<libc::c_void>(), OPTIONS);
                is_set = true;
            }
            libc::ptrace(libc::PTRACE_CONT, process, null_mut::<libc::c_void>(), signal);
        }
    }
}
