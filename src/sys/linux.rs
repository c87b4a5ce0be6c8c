//! The Linux page source, and what else is asked of pages. No call goes through the libc (`syscall`), and none touches errno.

#![allow(unsafe_code)]

use super::errno::keeping_errno;
use super::pages::PageSource;
use super::syscall::{call, int};
use super::{auxv, excluded, sanitizer, valgrind, vdso};
use crate::base::read_only::{self, Word};
use crate::base::{align, pointer};
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;

/// The operating system's pages.
#[derive(Clone, Copy, Default)]
pub struct Linux;

/// Under ThreadSanitizer memory comes and goes by the libc's functions, which it knows: it would take whoever gets an address from
/// the kernel to race with whoever gave it back before.
const SEEN_BY_SANITIZER: bool = cfg!(tsan);

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
/// Bytes that `Linux` has mapped and not unmapped, and the most it may have.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// The last piece of memory from valgrind's allocator; the first word of each leads to the one before.
static FROM_TOOL: AtomicUsize = AtomicUsize::new(0);
const LIMIT: Word = Word::new(read_only::LIMIT, usize::MAX);

/// Sets how many bytes of address space may be mapped, at the start. Address space that is only reserved does not count.
pub fn set_limit(bytes: usize) {
    LIMIT.set(bytes);
}

/// Bytes mapped and not unmapped.
pub fn mapped() -> usize {
    MAPPED.load(Ordering::Relaxed)
}

/// The most bytes that may be mapped.
pub fn limit() -> usize {
    LIMIT.get()
}

/// Counts bytes before they are mapped, unless they are more than the limit allows.
fn count_in(len: usize) -> Option<()> {
    let limit = LIMIT.get();
    let sum = |mapped: usize| mapped.checked_add(len).filter(|&sum| sum <= limit);
    MAPPED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok().map(|_| ())
}

fn count_out(len: usize) {
    MAPPED.fetch_sub(len, Ordering::Relaxed);
}

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

fn mmap(hint: usize, len: usize, protection: c_int, flags: c_int) -> Option<usize> {
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
fn mmap_guarded(len: usize, align: usize) -> Option<usize> {
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

/// `len` bytes of address space for records of ours, between pages that stay untouchable. `open_reserved` comes next, piece by piece.
pub fn reserve_guarded(len: usize) -> Option<usize> {
    let page = page_size();
    let start = mmap(0, len + 2 * page, libc::PROT_NONE, libc::MAP_NORESERVE)? + page;
    excluded::add(start, len);
    Some(start)
}

/// Makes pages of `reserve_guarded` usable; they count from here on.
pub fn open_reserved(address: usize, len: usize) -> bool {
    if count_in(len).is_none() {
        return false;
    }
    let done = permit(address, len);
    if !done {
        count_out(len);
    }
    done
}

/// Gives back what `reserve_guarded` returned, of which so many bytes were opened.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn unreserve_guarded(address: usize, len: usize, opened: usize) {
    let page = page_size();
    // SAFETY: the caller's promise.
    if unsafe { munmap(address - page, len + 2 * page) } {
        excluded::remove(address);
        count_out(opened);
    }
}

/// Readable and writable pages that do not count, for a thread that gives them back itself.
pub fn map_uncounted(len: usize) -> Option<usize> {
    mmap(0, len, libc::PROT_READ | libc::PROT_WRITE, 0)
}

/// Why pages were not moved.
#[derive(PartialEq, Eq)]
enum Unmoved {
    /// By the limit, or a filter of system calls: the kernel has seen nothing of it.
    Untouched,
    /// The kernel refused, and may have unmapped the target before.
    Refused,
}

/// # Safety
/// As for the call.
unsafe fn mremap(address: usize, old_len: usize, new_len: usize, flags: c_int, to: usize) -> Result<usize, Unmoved> {
    let (more, less) = (new_len.saturating_sub(old_len), old_len.saturating_sub(new_len));
    count_in(more).ok_or(Unmoved::Untouched)?;
    sanitizer::released(&MAPPED);
    // SAFETY: the caller's promise.
    let got = unsafe { call(libc::SYS_mremap, [address, old_len, new_len, int(flags), to]) };
    sanitizer::acquired(&MAPPED);
    let got = got.map_err(|reason| match reason {
        libc::EPERM | libc::ENOSYS => Unmoved::Untouched,
        _ => Unmoved::Refused,
    });
    count_out(if got.is_ok() { less } else { more });
    got
}

// Not every libc has it.
#[cfg(all(target_env = "gnu", not(any(test, feature = "fake"))))]
core::arch::global_asm!(".weak __libc_memalign");

/// At exit under valgrind: what is left of blocks is the program's alone.
pub fn forget_tool_memory() {
    let mut place = FROM_TOOL.swap(0, Ordering::Relaxed);
    while place != 0 {
        // SAFETY: the first word of a piece, which is never given back: only as far as the tool counts.
        let before = unsafe { pointer::at::<usize>(place).read() };
        valgrind::freed!(place);
        place = before;
    }
}

/// The libc's own `memalign`, under a name that nobody puts another function behind, where the libc has it.
#[cfg(all(target_env = "gnu", not(any(test, feature = "fake"))))]
fn libc_memalign() -> Option<unsafe extern "C" fn(usize, usize) -> *mut core::ffi::c_void> {
    unsafe extern "C" {
        static __libc_memalign: u8;
    }
    let address = &raw const __libc_memalign;
    // SAFETY: null if there is none, or the libc's function, which has this type.
    unsafe { core::mem::transmute(address) }
}

#[cfg(not(all(target_env = "gnu", not(any(test, feature = "fake")))))]
fn libc_memalign() -> Option<unsafe extern "C" fn(usize, usize) -> *mut core::ffi::c_void> {
    None
}

impl PageSource for Linux {
    #[inline]
    fn page_size(&self) -> usize {
        page_size()
    }

    fn map(&self, hint: usize, len: usize) -> Option<usize> {
        count_in(len)?;
        let address = mmap(hint, len, libc::PROT_READ | libc::PROT_WRITE, 0);
        sanitizer::acquired(&MAPPED);
        if address.is_none() {
            count_out(len);
        }
        address
    }

    fn maps_from_tool(&self) -> bool {
        valgrind::is_memcheck()
    }

    /// From the allocator that memcheck has put in the place of the libc's. In memory that comes from there it looks for pointers only in
    /// blocks that are in use; in a mapping of our own, what only a lost block leads to would count as what the program can reach.
    fn map_from_tool(&self, len: usize, align: usize) -> Option<usize> {
        if !self.maps_from_tool() {
            return None;
        }
        let memalign = libc_memalign()?;
        count_in(len)?;
        // SAFETY: the libc's function of this name has this type.
        let place = keeping_errno(|| unsafe { memalign(align, align + len) });
        if place.is_null() {
            count_out(len);
            return None;
        }
        let place = pointer::expose(place);
        let start = place + align;
        // SAFETY: allocated just now.
        unsafe { pointer::at_mut::<u8>(start).write_bytes(0, len) };
        valgrind::hide(start, len);
        // To the tool it is a block of one word that leads to the one before: or all in it would be in a block of this size.
        valgrind::shrink(place, align + len, size_of::<usize>());
        valgrind::show(place, size_of::<usize>());
        let mut before = FROM_TOOL.load(Ordering::Relaxed);
        loop {
            // SAFETY: allocated just now.
            unsafe { pointer::at_mut::<usize>(place).write(before) };
            match FROM_TOOL.compare_exchange(before, place, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(start),
                Err(other) => before = other,
            }
        }
    }

    fn map_guarded(&self, len: usize, align: usize) -> Option<usize> {
        count_in(len)?;
        let address = mmap_guarded(len, align);
        match address {
            Some(address) => excluded::add(address, len),
            None => count_out(len),
        }
        address
    }

    fn hide(&self, start: usize, len: usize) {
        if valgrind::listens() {
            valgrind::hide(start, len);
        }
    }

    unsafe fn unmap_guarded(&self, address: usize, len: usize) -> bool {
        // The nearest page on each side. Those that an alignment left over stay: they are address space alone.
        let page = page_size();
        // SAFETY: the caller owns the range.
        let done = unsafe { munmap(address - page, len + 2 * page) };
        if done {
            excluded::remove(address);
            count_out(len);
        }
        done
    }

    fn reserve(&self, len: usize) -> Option<usize> {
        mmap(0, len, libc::PROT_NONE, libc::MAP_NORESERVE)
    }

    unsafe fn unreserve(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller owns the range.
        unsafe { munmap(address, len) }
    }

    unsafe fn unmap(&self, address: usize, len: usize) -> bool {
        if valgrind::listens() {
            // It may be from there.
            return false;
        }
        sanitizer::released(&MAPPED);
        // SAFETY: the caller owns the range.
        let done = unsafe { munmap(address, len) };
        if done {
            count_out(len);
        }
        done
    }

    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool {
        let flags = if to == 0 { 0 } else { libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED };
        // SAFETY: the caller owns both ranges.
        unsafe {
            let got = mremap(address, old_len, new_len, flags, to);
            if to != 0 && got == Err(Unmoved::Untouched) {
                munmap(to, new_len);
            }
            got.is_ok()
        }
    }

    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize> {
        // SAFETY: the caller owns the range.
        unsafe { mremap(address, old_len, new_len, libc::MREMAP_MAYMOVE, 0).ok() }
    }

    fn advise_huge(&self, address: usize, len: usize, wanted: bool) {
        let advice = if wanted { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
        // SAFETY: advice changes no content; where it is refused all stays as it was.
        let _ = unsafe { call(libc::SYS_madvise, [address, len, int(advice)]) };
    }

    fn collapse(&self, address: usize, len: usize) -> bool {
        // SAFETY: no content changes; kernels before 6.1 know no such advice.
        unsafe { call(libc::SYS_madvise, [address, len, int(libc::MADV_COLLAPSE)]) }.is_ok()
    }

    fn now(&self) -> u64 {
        let time = vdso::time(libc::CLOCK_MONOTONIC_COARSE);
        time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
    }

    unsafe fn purge(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller owns the range. MADV_DONTNEED, not MADV_FREE: what is given back has to show in RSS.
        unsafe { call(libc::SYS_madvise, [address, len, int(libc::MADV_DONTNEED)]).is_ok() }
    }
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
