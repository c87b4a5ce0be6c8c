//! A replay as the tool sees it: the process that replays is started on a policy, watched, and ended.

#![allow(unsafe_code)]

use super::child;
use super::plan::Moment;
use super::policy::Policy;
use super::prepare::Prepared;
use super::shared::{Row, Shared, State, Words};
use crate::allocators::{self, Allocator};
use crate::failure::Failure;
use crate::process::Process;
use crate::text::count;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What is replayed how.
pub struct Job<'a> {
    /// The trace.
    pub prepared: &'a Prepared,
    /// On what.
    pub policy: &'a Policy,
    /// All allocators that are known: no other one may be loaded.
    pub all: &'a [Allocator],
    /// Whether blocks are written to.
    pub touches: bool,
    /// Whether the system may give huge pages.
    pub huge_pages: bool,
    /// The moments at which resident memory is asked for.
    pub looks: &'a [Moment],
    /// The moments at which `stopped` is called, if there are no others. Behind the last one nothing is replayed.
    pub stops: &'a [Moment],
}

/// What a replay took.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Nanoseconds in turns.
    pub time: u64,
    /// Nanoseconds of CPU time of the whole process, with what threads take to hand over.
    pub cpu: u64,
    /// Page faults.
    pub faults: u64,
    /// Resident bytes at each moment.
    pub resident: Vec<u64>,
    /// What metes says of itself: bytes of address space, and the most that it has handed out.
    pub metes: [u64; 2],
}

/// What the caller does meanwhile.
pub trait Watch {
    /// So many operations are done.
    fn at(&mut self, ops: u64);
    /// The process waits at the next of the moments to stop at.
    fn stopped(&mut self, process: &Process) -> Result<(), Failure>;
}

/// Ends the process with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Replays. The inner error says why it does not count.
pub fn play(job: &Job<'_>, watch: &mut dyn Watch) -> Result<Result<Outcome, String>, Failure> {
    let failed = |error: io::Error| Failure::of_system("replay", &error);
    let shared = share(job).map_err(failed)?;
    let words = shared.words();
    let mut running = Running(start(job, &shared).map_err(failed)?);
    let process = running.0.id();
    let (mut own, mut stops) = (0, 0);
    loop {
        let state = words.state();
        match state {
            State::Starts | State::Runs => words.wait_while(state, LOOK),
            State::Ready => {
                let process = Process::open(process)?;
                if let Some(why) = allocators::not_on(&job.policy.allocator, job.all, &process.file("maps")?) {
                    return Ok(Err(why));
                }
                own = not_the_allocators(&process.file("smaps")?);
                words.set(State::Runs);
            }
            State::Stopped => {
                watch.stopped(&Process::open(process)?)?;
                stops += 1;
                if stops == job.stops.len() {
                    return Ok(Ok(Outcome::default()));
                }
                words.set(State::Runs);
            }
            State::Done => return Ok(Ok(outcome(job, &shared, own))),
            State::NoMemory => return Ok(Err(format!("got no memory for call {}", calls(job, words)))),
            State::Failed => return Ok(Err(format!("could start no thread before call {}", calls(job, words)))),
        }
        watch.at(words.at.load(Relaxed));
        if let Some(status) = running.0.try_wait().map_err(failed)?
            && words.state() == state
        {
            return Ok(Err(ended(job, words, status)));
        }
    }
}

fn share(job: &Job<'_>) -> io::Result<Shared> {
    let moments = if job.stops.is_empty() { job.looks } else { job.stops };
    let shared = Shared::new(moments.len())?;
    let (words, plan) = (shared.words(), &job.prepared.plan);
    words.ops.store(plan.ops, Relaxed);
    words.slots.store(u64::from(plan.slots), Relaxed);
    words.lanes.store(u64::from(plan.lanes), Relaxed);
    words.touches.store(u32::from(job.touches), Relaxed);
    for (row, moment) in shared.rows().iter().zip(moments) {
        row.op.store(moment.op, Relaxed);
        row.stops.store(u64::from(!job.stops.is_empty()), Relaxed);
    }
    Ok(shared)
}

fn start(job: &Job<'_>, shared: &Shared) -> io::Result<Child> {
    let descriptors = [job.prepared.file.as_raw_fd(), shared.descriptor()];
    let mut command = Command::new("/proc/self/exe");
    command.arg0("metes").arg(child::ASK).args(descriptors.map(|descriptor| descriptor.to_string()));
    command.env_remove("LD_PRELOAD").env_remove("METES_OPTIONS").stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(path) = &job.policy.allocator.path {
        command.env("LD_PRELOAD", path);
    }
    if let Some(options) = &job.policy.options {
        command.env("METES_OPTIONS", options);
    }
    let without_huge_pages = libc::c_ulong::from(!job.huge_pages);
    // SAFETY: between fork and exec it makes system calls alone. Those that are refused change nothing but how alike two
    // replays are.
    unsafe {
        command.pre_exec(move || {
            descriptors.iter().for_each(|&descriptor| _ = libc::fcntl(descriptor, libc::F_SETFD, 0));
            libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
            libc::prctl(libc::PR_SET_THP_DISABLE, without_huge_pages, 0, 0, 0);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            pin();
            Ok(())
        });
    }
    command.spawn()
}

/// To the processor that it is on: its threads never run at the same time.
unsafe fn pin() {
    // SAFETY: the set is plain words, and the kernel only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let here = usize::try_from(libc::sched_getcpu()).unwrap_or(0);
        if here < libc::CPU_SETSIZE as usize {
            libc::CPU_SET(here, &mut set);
            libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
        }
    }
}

fn outcome(job: &Job<'_>, shared: &Shared, own: u64) -> Outcome {
    let words = shared.words();
    let resident = |row: &Row| row.resident.load(Relaxed).saturating_sub(own);
    Outcome {
        time: words.time.load(Relaxed),
        cpu: words.cpu.load(Relaxed),
        faults: words.faults.load(Relaxed),
        resident: if job.stops.is_empty() { shared.rows().iter().map(resident).collect() } else { Vec::new() },
        metes: [&words.metes[0], &words.metes[1]].map(|word| word.load(Relaxed)),
    }
}

/// About which call of the trace an operation is.
fn calls(job: &Job<'_>, words: &Words) -> String {
    let plan = &job.prepared.plan;
    let share = u128::from(words.at.load(Relaxed)) * u128::from(plan.end.call) / u128::from(plan.ops.max(1));
    format!("{} of {}, about", count(u64::try_from(share).unwrap_or(0)), count(plan.end.call))
}

fn ended(job: &Job<'_>, words: &Words, status: ExitStatus) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("ended by signal {signal}"),
        (None, code) => format!("ended with status {}", code.unwrap_or(0)),
    };
    if words.at.load(Relaxed) == 0 { how } else { format!("{how} behind call {}", calls(job, words)) }
}

/// Anonymous bytes that are neither the allocator's nor blocks: of the program, the C library and the stack. The text is
/// that of /proc/PID/smaps.
fn not_the_allocators(text: &str) -> u64 {
    const OTHERS: [&str; 6] = ["/libc.so", "/libm.so", "/libgcc_s.so", "/ld-linux", "/libc-", "[stack]"];
    let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let (mut sum, mut counts) = (0, false);
    for line in text.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if first.contains('-') && !first.ends_with(':') {
            let name = line.splitn(6, ' ').nth(5).unwrap_or_default().trim_start();
            counts = name == program || OTHERS.iter().any(|other| name.contains(other));
        } else if let Some(kib) = line.strip_prefix("Anonymous:").filter(|_| counts) {
            sum += kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_allocators_is_known_by_its_name() {
        let map = |name: &str, kib: u64| {
            format!("55e0-55e1 rw-p 00000000 00:00 0          {name}\nRss: 99 kB\nAnonymous:  {kib} kB\n")
        };
        let text = [("[heap]", 1), ("/usr/lib/libc.so.6", 2), ("", 4), ("[stack]", 8), ("/x/libmetes.so", 16)];
        let text: String = text.iter().map(|(name, kib)| map(name, *kib)).collect();
        assert_eq!(not_the_allocators(&text), 10 << 10);
    }
}
