//! What is done when the process exits by exit(3), after the program's own handlers.

#![allow(unsafe_code)]

use super::stats;
use crate::debug::{leaks, scan};
use crate::process::options;
use crate::profile::table;
use crate::record::file;
use crate::sys::{tool_memory, valgrind};

#[used]
#[cfg_attr(not(miri), unsafe(link_section = ".fini_array"))]
static AT_EXIT: extern "C" fn() = at_exit;

extern "C" fn at_exit() {
    if options::checked() {
        scan::finish();
    }
    // A search for leaks looks through the stack from here on.
    let here = 0;
    if options::leaks_at_exit() {
        valgrind::quietly(|| leaks::tell((&raw const here).addr()));
    }
    table::finish();
    file::finish();
    valgrind::quietly(tool_memory::forget);
    stats::write_at_exit();
}
