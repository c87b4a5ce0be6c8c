//! The Linux page source, and other requests about pages. No call goes through the libc (see
//! `syscall`), and none touches errno.

#![allow(unsafe_code)]

use super::limit::{count_in, count_out};
use super::mmap::{mmap, mmap_guarded, munmap, page_size, permit};
use super::page_calls::call;
use super::pages::PageSource;
use super::syscall::int;
use super::{excluded, limit, sanitizer, tool_memory, valgrind, vdso};
use crate::base::mangled::MangledFn;
use libc::c_int;

/// The operating system's pages.
#[derive(Clone, Copy, Default)]
pub struct Linux;

/// Where small heaps get their regions.
static SMALL: MangledFn<fn(usize, u32) -> Option<usize>> = MangledFn::none();

/// Says where small heaps get their regions.
pub fn set_small_source(map: fn(usize, u32) -> Option<usize>) {
    if SMALL.get().is_ok_and(|known| known.is_none()) {
        let _ = SMALL.swap(Some(map));
    }
}

/// Reserves `len` bytes of address space for records of metes, between pages that stay untouchable.
/// `open_reserved` opens it piece by piece.
pub fn reserve_guarded(len: usize) -> Option<usize> {
    let page = page_size();
    let start = mmap(0, len + 2 * page, libc::PROT_NONE, libc::MAP_NORESERVE)? + page;
    excluded::add(start, len);
    Some(start)
}

/// Makes pages of `reserve_guarded` usable. They count towards the limit from here on.
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

/// Gives back a range of `reserve_guarded`, of which `opened` bytes were opened.
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

/// Why pages were not moved.
#[derive(PartialEq, Eq)]
enum Unmoved {
    /// The limit or a filter of system calls refused, so the kernel has not seen the call.
    Untouched,
    /// The kernel refused, and may have unmapped the target before.
    Refused,
}

/// # Safety
/// As for mremap(2).
unsafe fn mremap(address: usize, old_len: usize, new_len: usize, flags: c_int, to: usize) -> Result<usize, Unmoved> {
    let (more, less) = (new_len.saturating_sub(old_len), old_len.saturating_sub(new_len));
    count_in(more).ok_or(Unmoved::Untouched)?;
    sanitizer::released(limit::place());
    // SAFETY: the caller's promise.
    let got = unsafe { call(libc::SYS_mremap, [address, old_len, new_len, int(flags), to]) };
    sanitizer::acquired(limit::place());
    let got = got.map_err(|reason| match reason {
        libc::EPERM | libc::ENOSYS => Unmoved::Untouched,
        _ => Unmoved::Refused,
    });
    count_out(if got.is_ok() { less } else { more });
    got
}

impl PageSource for Linux {
    #[inline]
    fn page_size(&self) -> usize {
        page_size()
    }

    fn map(&self, hint: usize, len: usize) -> Option<usize> {
        count_in(len)?;
        let address = mmap(hint, len, libc::PROT_READ | libc::PROT_WRITE, 0);
        sanitizer::acquired(limit::place());
        if address.is_none() {
            count_out(len);
        }
        address
    }

    fn maps_from_tool(&self) -> bool {
        valgrind::is_memcheck()
    }

    fn map_from_tool(&self, len: usize, align: usize) -> Option<usize> {
        if self.maps_from_tool() { tool_memory::map(len, align) } else { None }
    }

    fn map_small(&self, len: usize, heap: u32) -> Option<usize> {
        SMALL.get().ok().flatten()?(len, heap)
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
        // The nearest page on each side. Pages that an alignment left over stay, because they are only address space.
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
            // The memory may be the tool's.
            return false;
        }
        sanitizer::released(limit::place());
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
        // SAFETY: advice changes no content. If it is refused, all stays as it was.
        let _ = unsafe { call(libc::SYS_madvise, [address, len, int(advice)]) };
    }

    fn collapse(&self, address: usize, len: usize) -> bool {
        /// The crate `libc` has it for some of the libcs alone.
        const MADV_COLLAPSE: libc::c_int = 25;
        // SAFETY: no content changes. Kernels before 6.1 do not know this advice.
        unsafe { call(libc::SYS_madvise, [address, len, int(MADV_COLLAPSE)]) }.is_ok()
    }

    fn now(&self) -> u64 {
        let time = vdso::time(libc::CLOCK_MONOTONIC_COARSE);
        time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
    }

    unsafe fn purge(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller owns the range. MADV_DONTNEED, not MADV_FREE, because memory given back must show in RSS.
        unsafe { call(libc::SYS_madvise, [address, len, int(libc::MADV_DONTNEED)]).is_ok() }
    }
}
