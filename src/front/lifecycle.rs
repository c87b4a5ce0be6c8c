//! The life of the process: what is done when the library is loaded, and around a fork. The only
//! place that knows the order of all layers.

#![allow(unsafe_code)]

use crate::cache::{scopes, threads, work};
use crate::compartment::forks;
use crate::debug::{quarantine, under_way};
use crate::process::{helper_call, start, statics};
use crate::profile::table;
use crate::record::{file, stacks, window};
use crate::route::{guard, helper};
use crate::sys::{sanitizer, thread};
use crate::trace::{modules, report};

/// When the library is loaded, this registers the fork handlers. The first allocation does not, as it may come from
/// inside `pthread_atfork`, which allocates under its own lock. Nothing else waits for this constructor, so its
/// place in the order of constructors does not matter. Until it runs, a fork is only as safe as without handlers,
/// which a program of one thread does not need.
#[used]
#[cfg_attr(not(any(miri, feature = "models")), unsafe(link_section = ".init_array"))]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    start::ensure();
    sanitizer::begin();
    modules::begin();
    // SAFETY: the handlers are functions of this library, which is never unloaded. The call may
    // allocate: no lock is held.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork_in_parent), Some(after_fork_in_child)) };
    helper_call::set_pass(helper::pass);
    guard::begin();
}

/// Freezes the arenas, and all else that a child has to find whole. No thread waits for this: handlers
/// of other libraries come before or after these, in whatever order the libraries were loaded. A thread
/// that allocates may hold what they wait for.
extern "C" fn before_fork() {
    statics::set_aside();
    let interrupted = thread::is_in_operation();
    thread::begin_fork();
    work::freeze();
    quarantine::freeze(interrupted);
    statics::freeze(interrupted);
    forks::freeze(interrupted);
}

extern "C" fn after_fork_in_parent() {
    forks::thaw();
    statics::thaw();
    quarantine::thaw();
    work::thaw();
    thread::end_fork();
    statics::apply_late();
}

extern "C" fn after_fork_in_child() {
    forks::thaw_in_child();
    statics::thaw_in_child();
    quarantine::thaw_in_child();
    work::thaw_in_child();
    helper_call::begin_in_child();
    table::begin_in_child();
    report::adopt();
    under_way::adopt();
    // The child's thread has another number in the kernel.
    let old = thread::number();
    thread::renumber();
    threads::adopt_in_child(old);
    file::begin_in_child();
    stacks::begin_in_child();
    window::begin_in_child();
    scopes::keep_in_child();
    thread::end_fork();
    statics::apply_late();
}
