//! Work on caches by others than their threads: one at a time, and none while a fork is under way.

use crate::sys::lock::FutexLock;
use crate::sys::thread;
use lock_api::RawMutex;

/// Held while the helper is at work on a cache, so that a fork does not find it half done.
static AT_WORK: FutexLock = FutexLock::INIT;

/// Does something to caches while nobody else does, and no fork comes between. False, and nothing was done, where the calling thread must not wait: in
/// the middle of an operation, and beside a fork.
pub fn at_work(f: impl FnOnce()) -> bool {
    if thread::is_in_operation() || !AT_WORK.lock_unless_frozen() {
        return false;
    }
    // Whatever is locked is left alone.
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

/// Before fork: waits until the helper is between two steps, and keeps it there.
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

/// Waits, for a bounded time, while a fork keeps everybody out.
pub fn wait_for_thaw() {
    AT_WORK.wait_for_thaw();
}
