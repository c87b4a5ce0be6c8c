//! Where a debugger finds the heap, in a process or in a core file. `scripts/gdb-metes.py` reads
//! this, and knows the layouts.

#![allow(unsafe_code)]

use crate::base::read_only;
use crate::heap::page_map::PageMap;
use crate::process::statics;
use core::sync::atomic::AtomicU64;

/// Must be raised when one of these changes: the page map, range records, slab records, size
/// classes, headers, trailers, checksummed words, keys, the pool of guarded blocks.
const VERSION: u64 = 4;

/// What the symbol `metes_debugger` names. All fields are words.
#[repr(C)]
pub struct Debugger {
    version: u64,
    page_map: &'static PageMap,
    root_entries: u64,
    secret: &'static AtomicU64,
}

/// The words of this process.
#[unsafe(no_mangle)]
pub static metes_debugger: Debugger = Debugger {
    version: VERSION,
    page_map: &statics::PAGE_MAP,
    root_entries: (size_of::<PageMap>() / size_of::<usize>()) as u64,
    secret: read_only::secret(),
};
