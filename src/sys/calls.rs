//! System calls that have no subject of their own: who the process and its threads are, where they run, what signals they take, random numbers.

#![allow(unsafe_code)]

use super::linked::linked_address;
use super::syscall::{call, int};
use crate::base::pointer;

/// The process's id.
pub fn process_id() -> u32 {
    // SAFETY: getpid has no arguments.
    unsafe { call(libc::SYS_getpid, []) }.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
}

/// Sleeps for so many milliseconds, fewer than 1000, or less.
pub fn sleep(milliseconds: u32) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(milliseconds) * 1_000_000 };
    // SAFETY: the time is readable, and nothing is written.
    let _ = unsafe { call(libc::SYS_nanosleep, [pointer::expose(&raw const time), 0]) };
}

/// Eight random bytes of the kernel's; `None` where it does not give them at once. Only where the libc's own malloc makes the very same call first of
/// all, as glibc's does since 2.34: a sandbox that kills for it kills each program that allocates, with or without us.
pub fn random() -> Option<u64> {
    if !libc_asks_for_random() {
        return None;
    }
    let mut random = [0u8; 8];
    let (address, len) = (pointer::expose(random.as_mut_ptr()), random.len());
    // SAFETY: the kernel writes to the buffer, within its length.
    let got = unsafe { call(libc::SYS_getrandom, [address, len, libc::GRND_NONBLOCK as usize]) };
    (got == Ok(len)).then(|| u64::from_ne_bytes(random))
}

/// Whether there is a function that glibc has since 2.34. That costs nothing: asking for its version touches pages of the libc's that nobody else
/// does. In a static program it is there if something else needs it.
fn libc_asks_for_random() -> bool {
    cfg!(target_env = "gnu") && linked_address!("_Fork") != 0
}

/// Blocks signals for the calling thread: a bit for each, as the kernel has them.
pub fn block_signals(set: u64) {
    let set = pointer::expose(&raw const set);
    // SAFETY: the kernel's sets of signals are words of eight bytes.
    let _ = unsafe { call(libc::SYS_rt_sigprocmask, [int(libc::SIG_BLOCK), set, 0, size_of::<u64>()]) };
}

/// Runs `f` with every signal blocked, those that the libc keeps for itself too. But SIGSYS: a filter of system calls sends
/// it for a call that the program's handler is to answer, and where it is blocked the kernel ends the process instead.
pub fn with_signals_blocked<R>(f: impl FnOnce() -> R) -> R {
    let (all, mut before) = (!(1u64 << (libc::SIGSYS - 1)), 0u64);
    let set = |how, set: *const u64, old: *mut u64| {
        let (set, old) = (pointer::expose(set), pointer::expose(old));
        // SAFETY: the kernel's sets of signals are words of eight bytes.
        let _ = unsafe { call(libc::SYS_rt_sigprocmask, [int(how), set, old, size_of::<u64>()]) };
    };
    set(libc::SIG_SETMASK, &raw const all, &raw mut before);
    let result = f();
    set(libc::SIG_SETMASK, &raw const before, core::ptr::null_mut());
    result
}

/// Asks the kernel for `barrier`. False where it refuses.
pub fn register_barrier() -> bool {
    // SAFETY: the call has no pointers.
    unsafe { call(libc::SYS_membarrier, [int(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), 0, 0]) }.is_ok()
}

/// A full memory barrier in every running thread of the process: what this thread wrote before they see after it, and what they wrote before
/// it this one sees after. False where the kernel refuses.
pub fn barrier() -> bool {
    // SAFETY: the call has no pointers.
    unsafe { call(libc::SYS_membarrier, [int(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED), 0, 0]) }.is_ok()
}

/// CPUs that a thread may run on, the calling one if that is 0; 0 if the kernel does not say.
pub fn affinity(thread: u32) -> usize {
    let mut mask = [0u64; 128];
    let size = size_of_val(&mask);
    let pointer = pointer::expose(mask.as_mut_ptr());
    // SAFETY: the kernel writes at most `size` bytes into the mask.
    if !matches!(unsafe { call(libc::SYS_sched_getaffinity, [thread as usize, size, pointer]) }, Ok(1..)) {
        return 0;
    }
    mask.iter().map(|word| word.count_ones() as usize).sum()
}

/// The kernel's id of the calling thread: not zero, below 2^30 (the kernel's own limit is 2^22).
pub fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail. Miri knows the libc's function alone.
    #[cfg(miri)]
    let id = Ok::<_, libc::c_int>(unsafe { libc::gettid() });
    // SAFETY: as above.
    #[cfg(not(miri))]
    let id = unsafe { call(libc::SYS_gettid, []) };
    id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(1)
}

/// Whether a thread of this process has that number; true where the kernel does not say.
pub fn thread_lives(number: u32) -> bool {
    // The threads of a model have numbers that the kernel does not know.
    // SAFETY: signal 0 is none: the kernel only looks the thread up.
    cfg!(feature = "models")
        || unsafe { call(libc::SYS_tgkill, [process_id() as usize, number as usize, 0]) } != Err(libc::ESRCH)
}
