//! metes as a Rust program's global allocator.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::base::family::Family;
use crate::front::entries;
use crate::trace::report;
use core::alloc::{GlobalAlloc, Layout};

/// The allocator: `#[global_allocator] static ALLOCATOR: metes::Metes = metes::Metes;`
///
/// All values of this type are the same allocator, the process's one. Thread-safe.
#[derive(Clone, Copy, Default, Debug)]
pub struct Metes;

/// Ends the process when it is dropped.
struct Abort;

impl Drop for Abort {
    fn drop(&mut self) {
        report::bug(format_args!("a panic in the allocator"))
    }
}

/// Calls `f`, and lets nothing unwind out of it: no unwinding may leave a global allocator. That costs no instruction.
#[inline(always)]
fn to_the_end<R>(f: impl FnOnce() -> R) -> R {
    let abort = Abort;
    let result = f();
    core::mem::forget(abort);
    result
}

// SAFETY: blocks have the size and alignment asked for, and stay until they are given back; nothing unwinds.
unsafe impl GlobalAlloc for Metes {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        to_the_end(|| {
            if layout.align() > GRAIN {
                entries::aligned_alloc(Family::Malloc, layout.size(), layout.align())
            } else {
                entries::malloc(layout.size())
            }
        })
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, _layout: Layout) {
        // SAFETY: the caller gives the block up.
        to_the_end(|| unsafe { entries::free(Family::Malloc, p) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        to_the_end(|| entries::calloc(layout.size(), layout.align().max(GRAIN)))
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a larger alignment has to be kept by hand.
        unsafe {
            if layout.align() <= GRAIN {
                return to_the_end(|| entries::realloc(p, size));
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(p, layout.size().min(size));
                self.dealloc(p, layout);
            }
            new
        }
    }
}

#[cfg(all(test, not(any(miri, feature = "models"))))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const CHILD: &str = "METES_TEST_PANICS";

    #[test]
    fn a_panic_in_the_allocator_ends_the_process_and_is_caught_by_nobody() {
        if std::env::var_os(CHILD).is_some() {
            let _ = std::panic::catch_unwind(|| to_the_end(|| panic!("in the allocator")));
            std::process::exit(0);
        }
        let mut test = Command::new(std::env::current_exe().unwrap());
        let name = "abi::global::tests::a_panic_in_the_allocator_ends_the_process_and_is_caught_by_nobody";
        let output = test.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
        assert!(std::string::String::from_utf8_lossy(&output.stderr).contains("a panic in the allocator"));
    }
}
