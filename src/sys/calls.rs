//! System calls without a module of their own: the ids of the process and its threads, their CPUs and
//! signals, random numbers.

#![allow(unsafe_code)]

use super::linked::linked_address;
use super::syscall::{call, int};
use crate::base::pointer;

/// The process's id.
pub fn process_id() -> u32 {
    // SAFETY: getpid has no arguments.
    unsafe { call(libc::SYS_getpid, []) }.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
}

/// Sleeps for so many milliseconds, fewer than 1000. It may return earlier.
pub fn sleep(milliseconds: u32) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(milliseconds) * 1_000_000 };
    // SAFETY: the time is readable, and the kernel writes nothing.
    let _ = unsafe { call(libc::SYS_nanosleep, [pointer::expose(&raw const time), 0]) };
}

/// Eight random bytes from the kernel; `None` if it does not give them at once. The call is made only
/// where the libc's own malloc makes the very same call first of all, as that of glibc does since 2.34.
/// So a sandbox that kills for it kills each program that allocates, with or without metes.
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

/// Whether the program has a function that glibc has since 2.34. This test costs nothing. Asking for the version
/// touches pages of the libc that nothing else touches. A static program has the function if something else needs it.
fn libc_asks_for_random() -> bool {
    cfg!(target_env = "gnu") && linked_address!("_Fork") != 0
}

/// Blocks a set of signals for the calling thread. Each signal has one bit, as in the kernel's sets.
pub fn block_signals(set: u64) {
    let set = pointer::expose(&raw const set);
    // SAFETY: the kernel's sets of signals are words of eight bytes.
    let _ = unsafe { call(libc::SYS_rt_sigprocmask, [int(libc::SIG_BLOCK), set, 0, size_of::<u64>()]) };
}

/// Runs `f` with every signal blocked except SIGSYS, those that the libc reserves for itself included.
/// A filter of system calls sends SIGSYS for a call that the program's handler is to answer. If SIGSYS
/// is blocked, the kernel ends the process instead.
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

/// Registers the process for `barrier`. False if the kernel refuses.
pub fn register_barrier() -> bool {
    // SAFETY: the call has no pointers.
    unsafe { call(libc::SYS_membarrier, [int(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), 0, 0]) }.is_ok()
}

/// A full memory barrier in every running thread of the process. After it, those threads see what this
/// thread wrote before it, and this thread sees what they wrote before it. False if the kernel refuses.
pub fn barrier() -> bool {
    // SAFETY: the call has no pointers.
    unsafe { call(libc::SYS_membarrier, [int(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED), 0, 0]) }.is_ok()
}

/// The number of CPUs that a thread may run on. 0 stands for the calling thread. Returns 0 if the kernel does not say.
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

/// The kernel's id of the calling thread: not zero, and below 2^30 (the kernel's own limit is 2^22).
pub fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail. Miri knows only the libc's function.
    #[cfg(miri)]
    let id = Ok::<_, libc::c_int>(unsafe { libc::gettid() });
    // SAFETY: as above.
    #[cfg(not(miri))]
    let id = unsafe { call(libc::SYS_gettid, []) };
    id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(1)
}

/// Whether a thread of this process has this number; true if the kernel does not say.
pub fn thread_lives(number: u32) -> bool {
    // The threads of a model have numbers that the kernel does not know.
    // SAFETY: signal 0 sends nothing: the kernel only looks the thread up.
    cfg!(feature = "models")
        || unsafe { call(libc::SYS_tgkill, [process_id() as usize, number as usize, 0]) } != Err(libc::ESRCH)
}
