//! Taking a lock that forks freeze, for callers that have nowhere else to go.

use crate::sys::lock::FutexLock;
use crate::sys::thread;
use lock_api::RawMutex;

/// Waits for that many forks, at most. A thread that waits here may hold what a fork handler of another library waits
/// for.
const FORKS: usize = 100;

/// Takes the lock, after forks that are under way. False, and it is not taken, in a program that forks all the time,
/// or where a fork waits for this thread, or this thread is inside a fork, or has the lock: a signal handler interrupted
/// it.
#[inline]
pub fn take(lock: &FutexLock) -> bool {
    lock.try_lock() || wait(lock)
}

#[cold]
#[inline(never)]
fn wait(lock: &FutexLock) -> bool {
    if lock.is_mine() || thread::is_forking() {
        return false;
    }
    lock.lock_unless_frozen() || take_after_forks(lock)
}

fn take_after_forks(lock: &FutexLock) -> bool {
    (0..FORKS).any(|_| {
        lock.wait_for_thaw();
        lock.lock_unless_frozen()
    })
}
