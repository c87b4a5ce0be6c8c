//! The kernel's pages: mapping, unmapping and protection. Nothing here counts towards the limit. No
//! call goes through the libc (see `syscall`), except under ThreadSanitizer. None touches errno.

#![allow(unsafe_code)]

use super::auxv;
use super::errno::keeping_errno;
use super::page_calls::{self, call};
use super::syscall::int;
use crate::base::{align, pointer, read_only};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicUsize};
use libc::c_int;

/// Under ThreadSanitizer the libc's functions map and unmap memory, because the tool knows them. It would
/// report a race between a thread that gets an address from the kernel and the one that gave it back before.
const SEEN_BY_SANITIZER: bool = cfg!(tsan);

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

/// The page size, from the auxiliary vector. One binary serves kernels with 4, 16 and 64 KiB pages.
#[inline]
pub fn page_size() -> usize {
    match PAGE_SIZE.load(Relaxed) {
        0 => {
            let size = page_calls::PAGE.or_else(|| auxv::get(libc::AT_PAGESZ)).unwrap_or(4096);
            PAGE_SIZE.store(size, Relaxed);
            size
        }
        size => size,
    }
}

/// Maps `len` bytes of private zeroed pages, at `hint` if the kernel agrees.
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

/// Unmaps pages that do not count towards the limit.
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

/// Maps `len` bytes of pages between untouchable pages. The padding for the alignment is part of those.
pub fn mmap_guarded(len: usize, align: usize) -> Option<usize> {
    let page = page_size();
    let total = len.checked_add(page + align.max(page))?;
    let inside = |start| align::up(start + page, align);
    if let Some(start) = mmap(0, total, libc::PROT_NONE, libc::MAP_NORESERVE) {
        if protect(inside(start), len, libc::PROT_READ | libc::PROT_WRITE) {
            return Some(inside(start));
        }
        // SAFETY: mapped above, and unknown to any other code.
        unsafe { munmap(start, total) };
    }
    // A sandbox refuses mprotect. Unused pages are in the place of the guards.
    mmap(0, total, libc::PROT_READ | libc::PROT_WRITE, 0).map(inside)
}

/// Maps readable and writable pages that do not count towards the limit.
pub fn map_uncounted(len: usize) -> Option<usize> {
    mmap(0, len, libc::PROT_READ | libc::PROT_WRITE, 0)
}

/// Changes the protection of pages of metes. False if the kernel refuses.
fn protect(address: usize, len: usize, protection: c_int) -> bool {
    // SAFETY: the callers own the pages, and need no more access than they ask for.
    unsafe { call(libc::SYS_mprotect, [address, len, int(protection)]) }.is_ok()
}

/// Makes unused pages untouchable.
pub fn forbid(address: usize, len: usize) -> bool {
    protect(address, len, libc::PROT_NONE)
}

/// Makes the pages of `base::read_only` read-only. If the kernel refuses, they stay as they were. Does
/// nothing in the library's own tests, which set options.
pub fn make_read_only() {
    if cfg!(not(any(test, miri))) {
        let pages = read_only::pages(page_size());
        protect(pages.start, pages.len(), libc::PROT_READ);
    }
}

/// Makes untouchable pages readable and writable.
pub fn permit(address: usize, len: usize) -> bool {
    protect(address, len, libc::PROT_READ | libc::PROT_WRITE)
}

/// Whether the kernel has refused to name pages. Then it is not asked again.
static NAMELESS: AtomicBool = AtomicBool::new(false);

/// Gives private pages a name in `/proc/PID/maps`, `[anon:metes heap NAME]`, where the kernel takes names; or takes
/// their name away, if it is `None`. Bytes that a name cannot have become `_`.
#[cold]
pub fn name(start: usize, len: usize, name: Option<&str>) {
    if NAMELESS.load(Relaxed) {
        return;
    }
    // The kernel takes 80 bytes, the zero at the end included.
    let mut bytes = [0; 80];
    let text = b"metes heap ".iter().chain(name.unwrap_or("").as_bytes());
    for (to, &byte) in bytes[..79].iter_mut().zip(text) {
        let is_fit = matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'`' | b'$' | b'[' | b']');
        *to = if is_fit { byte } else { b'_' };
    }
    let text = if name.is_none() { 0 } else { pointer::expose(&raw const bytes) };
    const PR_SET_VMA: c_int = 0x5356_4d41;
    // SAFETY: the pages stay as they are; the text ends with a zero.
    let named = unsafe { call(libc::SYS_prctl, [int(PR_SET_VMA), 0, start, len, text]) };
    NAMELESS.store(named == Err(libc::EINVAL), Relaxed);
}

/// Reserves a range that nothing may touch, if nothing is there. Keeps errno.
pub fn reserve_at(address: usize, len: usize) -> bool {
    keeping_errno(|| {
        // The address is only a hint, which kernels follow where they can.
        let got = mmap(address, len, libc::PROT_NONE, libc::MAP_NORESERVE);
        if let Some(got) = got.filter(|&got| got != address) {
            // SAFETY: reserved just now.
            unsafe { munmap(got, len) };
        }
        got == Some(address)
    })
}

/// Gives back a range of `reserve_at`. Keeps errno.
///
/// # Safety
/// `reserve_at` reserved the range.
pub unsafe fn unreserve_at(address: usize, len: usize) {
    // SAFETY: the caller's promise.
    keeping_errno(|| unsafe { munmap(address, len) });
}
