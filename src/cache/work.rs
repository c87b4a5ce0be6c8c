//! Work on caches by threads that do not own them: one at a time, and none while a fork is under way.

use crate::sys::lock::FutexLock;
use crate::sys::thread;
use lock_api::RawMutex;

/// Held during such work, so that a fork does not find it half done.
static AT_WORK: FutexLock = FutexLock::INIT;

/// Runs `f`, work on caches, while no other such work and no fork is under way. False, and nothing is done, where the
/// calling thread must not wait: in the middle of an operation, and beside a fork.
pub fn at_work(f: impl FnOnce()) -> bool {
    if thread::is_in_operation() || !AT_WORK.lock_unless_frozen() {
        return false;
    }
    // While this is set, `Arena::enter` does not wait for a lock that is taken.
    thread::set_in_operation(true);
    f();
    thread::set_in_operation(false);
    // SAFETY: locked above.
    #[expect(unsafe_code, reason = "the lock guards no data")]
    unsafe {
        AT_WORK.unlock();
    }
    true
}

/// Before fork: waits until no such work is under way, and keeps any from starting.
pub fn freeze() {
    AT_WORK.freeze(false);
}

/// After fork, in the parent.
pub fn thaw() {
    AT_WORK.thaw();
}

/// After fork, in the child.
pub fn thaw_in_child() {
    AT_WORK.thaw_in_child();
}

/// Waits, for a bounded time, while a fork keeps such work from starting.
pub fn wait_for_thaw() {
    AT_WORK.wait_for_thaw();
}
