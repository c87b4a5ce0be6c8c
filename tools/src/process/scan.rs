//! Which pages of a process are resident, as the kernel lists them: `PAGEMAP_SCAN`, from Linux 6.7 on.

#![allow(unsafe_code)]

use super::runs::Run;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO: u64 = 1 << 5;
const HUGE: u64 = 1 << 6;
/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: u64 = 0xc060_6610;
/// How many runs are fetched at a time.
const AT_ONCE: usize = 1024;

/// The kernel's `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Arguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// The kernel's `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Found {
    start: u64,
    end: u64,
    categories: u64,
}

/// Appends the runs of `start..end`, whole pages, that are resident or in swap. A page that is only the kernel's page of
/// zeroes does not count: nor does it count in the Rss of the process. An error where the kernel does not know the call.
pub fn scan(pagemap: &File, start: u64, end: u64, runs: &mut Vec<Run>) -> io::Result<()> {
    let mut found = vec![Found::default(); AT_ONCE];
    let mut at = start;
    while at < end {
        let mut arguments = Arguments {
            size: size_of::<Arguments>() as u64,
            start: at,
            end,
            vec: found.as_mut_ptr() as u64,
            vec_len: AT_ONCE as u64,
            category_inverted: ZERO,
            category_mask: ZERO,
            category_anyof_mask: PRESENT | SWAPPED,
            return_mask: SWAPPED | HUGE,
            ..Arguments::default()
        };
        // SAFETY: the kernel writes to `arguments` and to so many elements of `found`.
        let count = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut arguments) };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        let mut next = arguments.walk_end;
        for &Found { start, end, categories } in &found[..count.min(AT_ONCE)] {
            // Where there are more than fit, the kernel lists some again.
            let start = start.max(runs.last().map_or(0, |last| last.end));
            if start < end {
                runs.push(Run::new(start, end, categories & HUGE != 0, categories & SWAPPED != 0));
                next = next.max(end);
            }
        }
        if next <= at {
            break;
        }
        at = next;
    }
    Ok(())
}
