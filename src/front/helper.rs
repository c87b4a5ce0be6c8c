//! The helper: a thread that gives memory back while the program makes no calls.
//!
//! It is started when an arena first has more freed memory than its threshold, and sleeps until that is so again. Then it waits for
//! the decay time, empties the caches of threads that have not used them meanwhile, and trims the arenas, in steps. What a program's
//! own calls trim beside it is only what is very much.
//!
//! A forked child has no helper, and starts one of its own when it needs it. Where the kernel has no helper for us, a heap is
//! trimmed by the call that finds it due.

use super::cache::Cache;
use super::options::Purge;
use super::{exchange, options, runtime, threads};
use crate::base::operation::Operation;
use crate::base::shared::{AtomicBool, AtomicU32};
use crate::slab::arena::Arena;
use crate::slab::bins::Purged;
use crate::sys::linux::Linux;
use crate::sys::lock::FutexLock;
use crate::sys::{futex, helper, linux, thread};
use core::sync::atomic::{Ordering, Ordering::Relaxed};
use lock_api::RawMutex;

/// Freed bytes in an arena that are worth the helper's while, once it is there.
const WORTH: usize = 1 << 20;

/// Whether the helper was started, or cannot be.
static STARTED: AtomicBool = AtomicBool::new(false);
/// Whether it runs.
static RUNS: AtomicBool = AtomicBool::new(false);
/// 1 if an arena has memory that waits.
static WORK: AtomicU32 = AtomicU32::new(0);
/// Nobody changes this: the helper sleeps at it.
static NEVER: AtomicU32 = AtomicU32::new(0);
/// Held while the helper is at work on a cache or an arena, so that a fork finds neither half done.
static AT_WORK: FutexLock = FutexLock::INIT;

/// After an operation on an arena: calls the helper if memory waits there.
#[inline]
pub fn look(arena: usize) {
    if runtime::arena(arena).is_waiting() {
        call();
    }
}

#[cold]
#[inline(never)]
fn call() {
    if WORK.load(Relaxed) != 0 || thread::is_inside() || options::purge() != Purge::Lazy || runtime::on_valgrind() {
        return;
    }
    WORK.store(1, Ordering::Release);
    if STARTED.swap(true, Relaxed) {
        futex::wake_one(&WORK);
    } else {
        linux::keeping_errno(|| helper::start(work));
    }
}

/// From how many freed bytes on a heap calls for being trimmed, and after how many milliseconds it does so itself.
pub fn thresholds() -> (usize, u64) {
    match (options::trim_threshold(), options::purge()) {
        (usize::MAX, _) | (_, Purge::Off) => (usize::MAX, u64::MAX),
        (bytes, Purge::Eager) => (bytes, 0),
        (bytes, Purge::Lazy) if RUNS.load(Relaxed) => (bytes.min(WORTH), u64::MAX),
        (bytes, Purge::Lazy) => (bytes, options::decay() as u64),
    }
}

extern "C" fn work() -> ! {
    thread::set_cache(thread::no_cache());
    let can_halt = linux::register_barrier();
    RUNS.store(true, Relaxed);
    runtime::apply();
    loop {
        while WORK.swap(0, Ordering::Acquire) == 0 {
            futex::wait(&WORK, 0);
        }
        threads::all().for_each(|cache| {
            cache.is_unused();
        });
        futex::wait_most(&NEVER, 0, options::decay() as u64);
        if can_halt {
            threads::all().filter(|cache| cache.owner.load(Relaxed) != 0 && cache.is_unused()).for_each(empty);
        }
        runtime::arenas().filter(|arena| arena.is_waiting()).for_each(trim);
    }
}

/// Runs `f` where no fork comes in between.
fn at_work<R>(f: impl FnOnce() -> R) -> R {
    AT_WORK.lock();
    let result = f();
    // SAFETY: locked above.
    #[expect(unsafe_code, reason = "the lock guards no data")]
    unsafe {
        AT_WORK.unlock();
    }
    result
}

fn empty(cache: &Cache) {
    at_work(|| {
        if cache.halt() {
            exchange::empty(cache);
            cache.resume();
        }
    });
}

fn trim(arena: &Arena<Linux>) {
    let mut at = Some(Purged::NOTHING);
    while let Some(from) = at {
        at = at_work(|| arena.enter(Operation::Other)?.trim_step(from));
    }
}

/// Before fork: waits until the helper is between two steps.
pub fn hold_for_fork() {
    AT_WORK.hold_for_fork();
}

/// After fork, in the parent and in the child.
pub fn release_after_fork() {
    AT_WORK.release_after_fork();
}

/// In a forked child, whose thread had the number `old`: it has no helper yet.
pub fn forget(old: u32, new: u32) {
    AT_WORK.adopt(old, new);
    STARTED.store(false, Relaxed);
    RUNS.store(false, Relaxed);
    WORK.store(0, Relaxed);
}
