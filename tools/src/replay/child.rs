//! The process that replays: this program itself, started anew on an allocator. It takes no arguments but two
//! descriptors, so that the little that it allocates before the first call is always the same.

#![allow(unsafe_code)]

use super::clock::{self, Clock};
use super::op::Op;
use super::shared::{Shared, State};
use super::turns::{Lane, Replay, Slot};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::process::ExitCode;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The argument by which this program is told to replay; the descriptors of the plan and of what is shared follow.
pub const ASK: &str = "--replay-a-plan";

/// Replays. Does not come back if the tool ends this process before, as it does.
pub fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let mut descriptors = arguments.filter_map(|word| word.to_str()?.parse::<RawFd>().ok());
    let (Some(plan), Some(shared)) = (descriptors.next(), descriptors.next()) else { return ExitCode::from(2) };
    // SAFETY: the tool has left this process both descriptors, and nothing here knows of them.
    let opened = unsafe { Shared::open(shared).and_then(|shared| open(plan, shared)) };
    let Ok(replay) = opened else { return ExitCode::from(2) };
    let replay = replay.of_process();
    let words = replay.shared.words();
    words.wait_as(State::Ready);
    let before = Used::now();
    replay.run();
    let after = Used::now();
    words.cpu.store(after.cpu - before.cpu, Relaxed);
    words.faults.store(after.faults - before.faults, Relaxed);
    let metes = metes_stats();
    words.metes.iter().zip(metes).for_each(|(word, value)| word.store(value, Relaxed));
    words.wait_as(State::Done);
    ExitCode::SUCCESS
}

/// # Safety
///
/// The descriptor is open, is that of a plan, and nobody else here has it.
unsafe fn open(plan: RawFd, shared: Shared) -> io::Result<Replay> {
    let words = shared.words();
    let [ops, slots, lanes] = [&words.ops, &words.slots, &words.lanes].map(|word| word.load(Relaxed) as usize);
    let touches = words.touches.load(Relaxed) != 0;
    // SAFETY: as the caller says.
    let plan = unsafe { File::from_raw_fd(plan) };
    let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
    let table = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    let both = libc::PROT_READ | libc::PROT_WRITE;
    let ops = map(ops * size_of::<Op>(), libc::PROT_READ, flags, plan.as_raw_fd())?.cast::<Op>();
    let slots = map((slots + 1) * size_of::<Slot>(), both, table, -1)?.cast::<Slot>();
    let places = map(lanes * size_of::<Lane>(), both, table, -1)?.cast::<Lane>();
    // SAFETY: so many are in the new mapping, which stays; zeroes are valid ones.
    let lanes = unsafe { std::slice::from_raw_parts(places, lanes) };
    let clock = Clock::new();
    Ok(Replay { ops, slots, lanes, shared, touches, clock, at: AtomicU64::new(0), row: AtomicU64::new(0) })
}

/// Memory that is shared, if with nobody: so it does not count as anonymous.
fn map(len: usize, rights: libc::c_int, flags: libc::c_int, file: RawFd) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new mapping.
    let start = unsafe { libc::mmap(null_mut(), len.max(1), rights, flags, file, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start) }
}

struct Used {
    cpu: u64,
    faults: u64,
}

impl Used {
    fn now() -> Self {
        // SAFETY: the kernel writes the structure.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
            usage
        };
        let faults = (usage.ru_minflt + usage.ru_majflt).cast_unsigned();
        Self { cpu: clock::now(libc::CLOCK_PROCESS_CPUTIME_ID), faults }
    }
}

/// Where in `struct metes_stats` of metes.h, as words, these stand: the most that the heaps and the mappings have been,
/// and the bytes of address space.
const HEAP_PEAK: usize = 6;
const MAPPING_PEAK: usize = 12;
const MAPPED: usize = 19;

/// What metes itself says, if this process runs on it: bytes of address space, and the most that it has handed out.
fn metes_stats() -> [u64; 2] {
    let mut stats = [0_u64; MAPPED + 1];
    // SAFETY: dlsym only looks up; the function of this name writes as many bytes as it is told.
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"metes_stats".as_ptr());
        if found.is_null() {
            return [0; 2];
        }
        let ask: extern "C" fn(*mut u64, usize) -> usize = std::mem::transmute(found);
        ask(stats.as_mut_ptr(), size_of_val(&stats));
    }
    [stats[MAPPED], stats[HEAP_PEAK] + stats[MAPPING_PEAK]]
}
