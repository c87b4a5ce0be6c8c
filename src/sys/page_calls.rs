//! The system calls about pages. They are made as they are, or answered as a kernel with larger pages would answer
//! them: with `--cfg pages="16k"` or `"64k"`, which `scripts/test-pages` sets. Then an address has to be a multiple of
//! the larger page, or the call fails. Lengths are rounded up to such pages, and a new mapping starts at one.

#![allow(unsafe_code)]

/// The page size that stands in for the kernel's, if any.
pub const PAGE: Option<usize> = if cfg!(pages = "16k") {
    Some(16 << 10)
} else if cfg!(pages = "64k") {
    Some(64 << 10)
} else {
    None
};

#[cfg(not(any(pages = "16k", pages = "64k")))]
pub use super::syscall::call;
#[cfg(any(pages = "16k", pages = "64k"))]
pub use larger::call;

#[cfg(any(pages = "16k", pages = "64k"))]
mod larger {
    use super::PAGE;
    use crate::base::align;
    use crate::sys::syscall::{Answer, call as make, int};
    use core::ffi::c_long;

    fn up(len: usize) -> usize {
        PAGE.and_then(|page| align::up_checked(len, page)).unwrap_or(usize::MAX)
    }

    fn is_aligned(address: usize) -> bool {
        PAGE.is_some_and(|page| align::is(address, page))
    }

    /// Makes a call about pages: of mmap, mremap, munmap, mprotect, madvise, or prctl for the name of pages.
    ///
    /// # Safety
    /// As for the call.
    pub unsafe fn call<const N: usize>(number: c_long, mut args: [usize; N]) -> Answer {
        let first = if number == libc::SYS_prctl { 2 } else { 0 };
        args[first + 1] = up(args[first + 1]);
        // SAFETY: the caller's promise covers whole pages.
        unsafe {
            match number {
                libc::SYS_mmap => map(args),
                _ if !is_aligned(args[first]) => Err(libc::EINVAL),
                libc::SYS_mremap => remap(args),
                _ => make(number, args),
            }
        }
    }

    /// Maps at the hint if that is free, or else cuts an aligned range out of a larger one.
    ///
    /// # Safety
    /// As for mmap(2).
    unsafe fn map<const N: usize>(mut args: [usize; N]) -> Answer {
        let len = args[1];
        // SAFETY: the caller's promise, and what is given back was mapped just now.
        unsafe {
            let got = make(libc::SYS_mmap, args)?;
            if is_aligned(got) {
                return Ok(got);
            }
            let _ = make(libc::SYS_munmap, [got, len]);
            (args[0], args[1]) = (0, len.saturating_add(up(1)));
            let start = make(libc::SYS_mmap, args)?;
            let (address, end) = (up(start), start + args[1]);
            for (at, len) in [(start, address - start), (address + len, end - (address + len))] {
                if len != 0 {
                    let _ = make(libc::SYS_munmap, [at, len]);
                }
            }
            Ok(address)
        }
    }

    /// Moves pages in place or to where the caller says. Where the kernel may choose, a new range is reserved first.
    ///
    /// # Safety
    /// As for mremap(2).
    unsafe fn remap<const N: usize>(mut args: [usize; N]) -> Answer {
        let (len, flags) = (up(args[2]), args[3]);
        args[2] = len;
        let is_fixed = flags & int(libc::MREMAP_FIXED) != 0;
        // SAFETY: the caller's promise, and the new range is unknown to any other code.
        unsafe {
            if is_fixed || flags == 0 {
                return if is_fixed && !is_aligned(args[4]) { Err(libc::EINVAL) } else { make(libc::SYS_mremap, args) };
            }
            args[3] = 0;
            if let Ok(got) = make(libc::SYS_mremap, args) {
                return Ok(got);
            }
            let private = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
            let to = map([0, len, int(libc::PROT_NONE), private, int(-1), 0])?;
            (args[3], args[4]) = (int(libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED), to);
            let got = make(libc::SYS_mremap, args);
            if got.is_err() {
                let _ = make(libc::SYS_munmap, [to, len]);
            }
            got
        }
    }
}

#[cfg(all(test, any(pages = "16k", pages = "64k"), not(miri)))]
mod tests {
    use super::*;
    use crate::sys::syscall::int;

    #[test]
    fn an_address_within_a_larger_page_is_refused_and_a_mapping_starts_at_one() {
        let page = PAGE.unwrap();
        let private = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let access = int(libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: the test's own pages.
        unsafe {
            for len in [1, page, page + 1, 40 * page] {
                let start = call(libc::SYS_mmap, [0, len, access, private, int(-1), 0]).unwrap();
                assert!(start.is_multiple_of(page));
                assert_eq!(call(libc::SYS_madvise, [start + 4096, len, int(libc::MADV_DONTNEED)]), Err(libc::EINVAL));
                assert_eq!(call(libc::SYS_mprotect, [start + page / 2, 1, int(libc::PROT_NONE)]), Err(libc::EINVAL));
                let moved = call(libc::SYS_mremap, [start, len, len + page, int(libc::MREMAP_MAYMOVE), 0]).unwrap();
                assert!(moved.is_multiple_of(page));
                assert_eq!(call(libc::SYS_munmap, [moved + 4096, len]), Err(libc::EINVAL));
                assert_eq!(call(libc::SYS_munmap, [moved, len + page]), Ok(0));
            }
        }
    }
}
