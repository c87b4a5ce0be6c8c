//! Forks: no thread is inside a compartment when one happens, so that a child finds all of them whole.

use super::{ranges, table};

/// Before a fork: waits for the threads that are inside, and keeps all out.
pub fn freeze(interrupted: bool) {
    table::freeze(interrupted);
    table::all().for_each(|compartment| compartment.lock.freeze(interrupted));
    ranges::freeze(interrupted);
}

/// After a fork, in the parent.
pub fn thaw() {
    ranges::thaw();
    table::all().for_each(|compartment| compartment.lock.thaw());
    table::thaw();
}

/// After a fork, in the child.
pub fn thaw_in_child() {
    ranges::thaw_in_child();
    table::all().for_each(|compartment| {
        compartment.lock.thaw_in_child();
    });
    table::thaw_in_child();
}
