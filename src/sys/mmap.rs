//! Pages as the kernel gives them: mapped, unmapped, and what may be done with them. Nothing here counts towards the limit. No call goes through
//! the libc (`syscall`), and none touches errno.

#![allow(unsafe_code)]

use super::auxv;
use super::errno::keeping_errno;
use super::syscall::{call, int};
use crate::base::{align, pointer, read_only};
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;

/// Under ThreadSanitizer memory comes and goes by the libc's functions, which it knows: it would take whoever gets an address from
/// the kernel to race with whoever gave it back before.
const SEEN_BY_SANITIZER: bool = cfg!(tsan);

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

/// The page size, from the auxiliary vector: one binary serves 4, 16 and 64 KiB kernels.
#[inline]
pub fn page_size() -> usize {
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => {
            let size = auxv::get(libc::AT_PAGESZ).unwrap_or(4096);
            PAGE_SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// Private pages of zeroes: `len` bytes, at `hint` if the kernel likes.
pub fn mmap(hint: usize, len: usize, protection: c_int, flags: c_int) -> Option<usize> {
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: without MAP_FIXED an anonymous mmap touches no memory that exists.
    unsafe {
        if SEEN_BY_SANITIZER {
            let hint = core::ptr::without_provenance_mut(hint);
            let got = keeping_errno(|| libc::mmap(hint, len, protection, flags, -1, 0));
            return (got != libc::MAP_FAILED).then(|| pointer::expose(got));
        }
        call(libc::SYS_mmap, [hint, len, int(protection), int(flags), int(-1), 0]).ok()
    }
}

/// Gives pages back that do not count.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn munmap(address: usize, len: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if SEEN_BY_SANITIZER {
            return keeping_errno(|| libc::munmap(pointer::at_mut(address), len) == 0);
        }
        call(libc::SYS_munmap, [address, len]).is_ok()
    }
}

/// `len` bytes of pages between pages that cannot be touched, whose part the rest of the alignment is.
pub fn mmap_guarded(len: usize, align: usize) -> Option<usize> {
    let page = page_size();
    let total = len.checked_add(page + align.max(page))?;
    let inside = |start| align::up(start + page, align);
    if let Some(start) = mmap(0, total, libc::PROT_NONE, libc::MAP_NORESERVE) {
        if protect(inside(start), len, libc::PROT_READ | libc::PROT_WRITE) {
            return Some(inside(start));
        }
        // SAFETY: mapped above, and nobody has seen it.
        unsafe { munmap(start, total) };
    }
    // A sandbox refuses mprotect: pages that nobody uses are in the place of the guards.
    mmap(0, total, libc::PROT_READ | libc::PROT_WRITE, 0).map(inside)
}

/// Readable and writable pages that do not count, for a thread that gives them back itself.
pub fn map_uncounted(len: usize) -> Option<usize> {
    mmap(0, len, libc::PROT_READ | libc::PROT_WRITE, 0)
}

/// Changes what may be done with pages of ours. False where the kernel refuses.
fn protect(address: usize, len: usize, protection: c_int) -> bool {
    // SAFETY: callers have the pages, and need no more than they ask for.
    unsafe { call(libc::SYS_mprotect, [address, len, int(protection)]) }.is_ok()
}

/// Makes pages that nobody uses untouchable.
pub fn forbid(address: usize, len: usize) -> bool {
    protect(address, len, libc::PROT_NONE)
}

/// Makes `base::read_only` read-only. Where the kernel refuses it stays as it was. Not in the library's own tests, which set options.
pub fn make_read_only() {
    if cfg!(not(any(test, feature = "fake", miri))) {
        let pages = read_only::pages(page_size());
        protect(pages.start, pages.len(), libc::PROT_READ);
    }
}

/// Makes pages that were made untouchable usable again.
pub fn permit(address: usize, len: usize) -> bool {
    protect(address, len, libc::PROT_READ | libc::PROT_WRITE)
}

/// Reserves a range that nobody may touch, if nothing is there. Keeps errno.
pub fn reserve_at(address: usize, len: usize) -> bool {
    keeping_errno(|| {
        // A wish only, which kernels grant where they can.
        let got = mmap(address, len, libc::PROT_NONE, libc::MAP_NORESERVE);
        if let Some(got) = got.filter(|&got| got != address) {
            // SAFETY: reserved just now.
            unsafe { munmap(got, len) };
        }
        got == Some(address)
    })
}

/// Gives such a range back. Keeps errno.
///
/// # Safety
/// `reserve_at` reserved it.
pub unsafe fn unreserve_at(address: usize, len: usize) {
    // SAFETY: the caller's promise.
    keeping_errno(|| unsafe { munmap(address, len) });
}
