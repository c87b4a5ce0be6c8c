//! A process whose threads stand still for a moment: ptrace(2) stops them, and says what is in their registers.
//!
//! A thread of this program attaches, and works while they stand. When it ends, for whatever reason, the kernel detaches
//! it and lets them go on: so does the end of this program.

#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::mem::offset_of;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread may take to stop. One that waits for a disk, or for a child of vfork, does not.
const PATIENCE: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_micros(50);
/// How often new threads are looked for: those that others have made meanwhile.
const ROUNDS: usize = 20;

/// A thread that stands still.
#[derive(Clone, Default, Debug)]
pub struct Thread {
    /// What is in its registers, those of vectors too.
    pub words: Vec<u64>,
    /// Its stack pointer.
    pub stack: u64,
    /// The address of its thread-local storage; 0 if it is not known.
    pub storage: u64,
    /// The address that it would go on at, if it is not in a call of the kernel.
    pub at: Option<u64>,
}

/// The threads of a process while they stand.
#[derive(Default)]
pub struct Halted {
    /// Those that stand.
    pub threads: Vec<Thread>,
    /// Those that did not stop in time.
    pub going_on: Vec<libc::pid_t>,
    /// For how long.
    pub lasted: Duration,
}

/// Does work while the threads of a process stand. An error if they cannot be stopped: then the work is not done.
pub fn halted<R: Send>(pid: u32, work: impl FnOnce(&Halted) -> R + Send) -> io::Result<(R, Halted)> {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let began = Instant::now();
            let mut stops = Stops::default();
            stops.all(pid)?;
            let mut halted = stops.look();
            let done = work(&halted);
            drop(stops);
            halted.lasted = began.elapsed();
            Ok((done, halted))
        });
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the thread that stops the process has panicked")))
    })
}

/// Threads that are attached to, until this is dropped.
#[derive(Default)]
struct Stops {
    /// Each with the signal that it was about to get.
    standing: Vec<(libc::pid_t, libc::c_int)>,
    going_on: Vec<libc::pid_t>,
}

impl Stops {
    fn all(&mut self, pid: u32) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let known = |tid| self.standing.iter().any(|&(known, _)| known == tid) || self.going_on.contains(&tid);
            let new: Vec<_> = threads(pid)?.into_iter().filter(|&tid| !known(tid)).collect();
            if new.is_empty() {
                return Ok(());
            }
            let mut seized = Vec::new();
            for tid in new {
                match ptrace(libc::PTRACE_SEIZE, tid, 0, 0).and_then(|()| ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0)) {
                    Ok(()) => seized.push(tid),
                    Err(_) if has_ended(pid, tid) => {}
                    Err(error) => return Err(error),
                }
            }
            self.wait(seized);
        }
        Ok(())
    }

    fn wait(&mut self, mut tids: Vec<libc::pid_t>) {
        let began = Instant::now();
        while !tids.is_empty() {
            tids.retain(|&tid| match stop_of(tid) {
                Stop::NotYet => true,
                Stop::Stands(signal) => {
                    self.standing.push((tid, signal));
                    false
                }
                Stop::Ended => false,
            });
            if began.elapsed() > PATIENCE {
                break;
            }
            if !tids.is_empty() {
                thread::sleep(LOOK_EVERY);
            }
        }
        self.going_on.extend(tids);
    }

    fn look(&self) -> Halted {
        let threads = self.standing.iter().map(|&(tid, _)| registers(tid)).collect();
        Halted { threads, going_on: self.going_on.clone(), lasted: Duration::ZERO }
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        for &(tid, signal) in &self.standing {
            let _ = ptrace(libc::PTRACE_DETACH, tid, 0, signal.unsigned_abs() as usize);
        }
        // The end of this thread detaches from the others.
    }
}

enum Stop {
    NotYet,
    /// It stands, and was about to get this signal; 0 for none.
    Stands(libc::c_int),
    Ended,
}

fn stop_of(tid: libc::pid_t) -> Stop {
    let mut status = 0;
    // SAFETY: the status is written if a thread is returned.
    match unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) } {
        0 => Stop::NotYet,
        found if found == tid && libc::WIFSTOPPED(status) => {
            let is_ours = status >> 16 == libc::PTRACE_EVENT_STOP;
            Stop::Stands(if is_ours { 0 } else { libc::WSTOPSIG(status) })
        }
        _ => Stop::Ended,
    }
}

fn threads(pid: u32) -> io::Result<Vec<libc::pid_t>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn has_ended(pid: u32, tid: libc::pid_t) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_none_or(|state| matches!(state, 'Z' | 'X'))
}

fn ptrace(request: libc::c_uint, tid: libc::pid_t, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests that are made take numbers, or the address of a vector that the caller has.
    match unsafe { libc::ptrace(request, tid, address, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

const NT_PRSTATUS: usize = 1;
const NT_PRFPREG: usize = 2;
const NT_X86_XSTATE: usize = 0x202;
#[cfg(target_arch = "aarch64")]
const NT_ARM_TLS: usize = 0x401;

/// A set of registers, as words; none if the machine has no such set.
fn set(tid: libc::pid_t, which: usize) -> Vec<u64> {
    let mut words = vec![0_u64; 2048];
    let mut vector = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: words.len() * 8 };
    match ptrace(libc::PTRACE_GETREGSET, tid, which, (&raw mut vector).addr()) {
        Ok(()) => words.truncate(vector.iov_len / 8),
        Err(_) => words.clear(),
    }
    words
}

fn registers(tid: libc::pid_t) -> Thread {
    let general = set(tid, NT_PRSTATUS);
    let word = |offset: usize| general.get(offset / 8).copied().unwrap_or(0);
    let mut thread = Thread::default();
    #[cfg(target_arch = "x86_64")]
    {
        thread.stack = word(offset_of!(libc::user_regs_struct, rsp));
        thread.storage = word(offset_of!(libc::user_regs_struct, fs_base));
        let is_in_call = word(offset_of!(libc::user_regs_struct, orig_rax)).cast_signed() >= 0;
        thread.at = (!is_in_call).then(|| word(offset_of!(libc::user_regs_struct, rip)));
    }
    #[cfg(target_arch = "aarch64")]
    {
        thread.stack = word(offset_of!(libc::user_regs_struct, sp));
        thread.storage = set(tid, NT_ARM_TLS).first().copied().unwrap_or(0);
    }
    let vectors = [NT_X86_XSTATE, NT_PRFPREG].map(|which| set(tid, which));
    thread.words = general;
    // The larger set has what is in the smaller one.
    thread.words.extend(vectors.into_iter().find(|set| !set.is_empty()).unwrap_or_default());
    thread
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn state(pid: u32) -> char {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    #[test]
    fn a_process_stands_while_there_is_work_and_goes_on_then() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let (seen, halted) = halted(pid, |_| state(pid)).unwrap();
        assert_eq!((seen, halted.threads.len(), halted.going_on.len()), ('t', 1, 0));
        assert!(halted.threads[0].stack != 0 && halted.threads[0].words.len() > 20);
        // It reads on, and ends with its input.
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn what_was_stopped_stays_so_and_nobody_is_an_error() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        // SAFETY: a child that is not waited for yet.
        let signal = |signal| unsafe { libc::kill(pid.cast_signed(), signal) };
        // The kernel stops a process some time after it was told to, also when a tracer lets it go.
        let is_stopped = || {
            (0..100_000).any(|_| {
                thread::sleep(LOOK_EVERY);
                state(pid) == 'T'
            })
        };
        signal(libc::SIGSTOP);
        let before = is_stopped();
        let looked = super::halted(pid, |_| ());
        let after = is_stopped();
        signal(libc::SIGKILL);
        child.wait().unwrap();
        assert!(before && looked.is_ok() && after);
        assert!(super::halted(u32::MAX / 2, |_| ()).is_err());
    }
}
