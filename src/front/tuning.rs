//! What glibc's tuning and reporting calls mean here.

use super::{options, runtime, stats, threads};
use crate::base::align;
use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{linux, report, thread, valgrind};
use core::ffi::c_int;
use core::fmt::Write;

const M_MXFAST: c_int = 1;
const M_TRIM_THRESHOLD: c_int = -1;
const M_MMAP_THRESHOLD: c_int = -3;
const M_MMAP_MAX: c_int = -4;
const M_PERTURB: c_int = -6;
const M_ARENA_MAX: c_int = -8;
/// glibc refuses fast bins above this size.
const MXFAST_MAX: c_int = 160;

/// mallopt: whether the value was taken. Parameters without a meaning here are accepted, as glibc accepts what it does not
/// know.
pub fn set(parameter: c_int, value: c_int) -> bool {
    runtime::ensure();
    // Negative values are huge sizes, as in glibc.
    #[expect(clippy::cast_sign_loss, reason = "glibc casts so")]
    let unsigned = value as usize;
    match parameter {
        M_MMAP_THRESHOLD => {
            options::set_cutoff(unsigned);
            true
        }
        // No mappings at all: as few as there can be.
        M_MMAP_MAX if value == 0 => {
            options::set_cutoff(usize::MAX);
            true
        }
        // As with glibc, who sets one of these thresholds gets a fixed cutoff.
        M_TRIM_THRESHOLD => {
            options::fix_cutoff();
            options::set_trim_threshold(unsigned);
            runtime::apply();
            true
        }
        M_ARENA_MAX => {
            options::set_arenas(unsigned);
            runtime::apply();
            true
        }
        M_PERTURB => {
            #[expect(clippy::cast_possible_truncation, reason = "the low byte is the fill")]
            options::set_perturb(unsigned as u8);
            threads::flush_mine();
            true
        }
        M_MXFAST => (0..=MXFAST_MAX).contains(&value),
        _ => true,
    }
}

/// Gives all free memory back; about how many bytes that were.
pub fn trim() -> usize {
    runtime::ensure();
    threads::flush_mine();
    if !thread::is_inside() {
        threads::give_back(false);
    }
    valgrind::quietly(|| {
        let arenas = runtime::arenas().filter_map(|arena| arena.enter_patiently(Operation::Other));
        arenas.map(|mut arena| arena.trim()).sum::<usize>() + runtime::MAPPINGS.release_retained()
    })
}

/// Gives whole regions back, for whoever needs address space or a part of a limit for a mapping of `n` bytes; how many
/// bytes that were. None where all that could go back is not enough. Keeps errno.
pub fn release_regions_for(n: usize) -> usize {
    if !would_fit(n) {
        return 0;
    }
    threads::flush_mine();
    let entered = runtime::arenas().filter_map(|arena| arena.enter(Operation::Other));
    entered.map(|mut arena| arena.release_whole_regions()).sum::<usize>() + runtime::MAPPINGS.release_retained()
}

/// Whether `n` bytes may be had once all that is free has gone back. Limits are what the kernel and `limit` say they
/// are: what would have to be had beside it is asked for, and given back. Nobody else has to be asked how much there
/// may be, by calls that a sandbox may not allow.
fn would_fit(n: usize) -> bool {
    let entered = runtime::arenas().filter_map(|arena| arena.enter(Operation::Other));
    let free = entered.map(|arena| arena.releasable()).sum::<usize>();
    let free = free + stats::cached_by_me() + runtime::MAPPINGS.retained_bytes();
    let beside = align::down(n.saturating_sub(free), linux::page_size());
    if beside == 0 {
        return true;
    }
    match Linux.map(0, beside) {
        Some(start) => {
            // SAFETY: mapped just now, and nobody has seen it.
            #[expect(unsafe_code, reason = "undoing the map call above")]
            unsafe {
                Linux.unmap(start, beside)
            };
            true
        }
        None => false,
    }
}

/// Region bytes, free pieces, mappings, their bytes, bytes in use, bytes of the free pieces.
pub fn info() -> [usize; 6] {
    let stats = stats::stats();
    let (heaps, mappings, free) = (stats.heaps, stats.mappings, stats.free);
    [heaps.held, free.count, mappings.count, mappings.bytes, heaps.live + mappings.bytes, free.bytes]
}

fn print(text: core::fmt::Arguments<'_>) {
    let mut line = Line::<256>::new();
    // A Line never fails to be written to.
    let _ = line.write_fmt(text);
    report::write_all(libc::STDERR_FILENO, line.as_bytes());
}

/// `malloc_stats`, in glibc's words.
pub fn print_stats() {
    stats::for_each_arena(|index, figures, _, _| {
        print(format_args!(
            "Arena {index}:\nsystem bytes     = {:10}\nin use bytes     = {:10}\n",
            figures.held, figures.live
        ));
    });
    let stats = stats::stats();
    print(format_args!(
        "Total (incl. mmap):\nsystem bytes     = {:10}\nin use bytes     = {:10}\n\
         max mmap regions = {:10}\nmax mmap bytes   = {:10}\n",
        stats.heaps.held + stats.mappings.bytes,
        stats.heaps.live + stats.mappings.bytes,
        stats.mappings.peak_count,
        stats.mappings.peak_bytes,
    ));
}

/// `malloc_info`, in glibc's schema: calls `f` with each piece of the document.
pub fn for_each_info_line(mut f: impl FnMut(&[u8])) {
    let mut piece = |text: core::fmt::Arguments<'_>| {
        let mut line = Line::<512>::new();
        // A Line never fails to be written to.
        let _ = line.write_fmt(text);
        f(line.as_bytes());
    };
    piece(format_args!("<malloc version=\"1\">\n"));
    stats::for_each_arena(|index, figures, _, free| {
        let (held, peak) = (figures.held, figures.peak_held);
        piece(format_args!(
            "<heap nr=\"{index}\">\n<sizes>\n</sizes>\n<total type=\"fast\" count=\"0\" size=\"0\"/>\n\
             <total type=\"rest\" count=\"{}\" size=\"{}\"/>\n<system type=\"current\" size=\"{held}\"/>\n\
             <system type=\"max\" size=\"{peak}\"/>\n<aspace type=\"total\" size=\"{held}\"/>\n\
             <aspace type=\"mprotect\" size=\"{held}\"/>\n</heap>\n",
            free.count, free.bytes,
        ));
    });
    let stats = stats::stats();
    let (held, peak) = (stats.heaps.held, stats.heaps.peak_held);
    piece(format_args!(
        "<total type=\"fast\" count=\"0\" size=\"0\"/>\n<total type=\"rest\" count=\"{}\" size=\"{}\"/>\n\
         <total type=\"mmap\" count=\"{}\" size=\"{}\"/>\n<system type=\"current\" size=\"{held}\"/>\n\
         <system type=\"max\" size=\"{peak}\"/>\n<aspace type=\"total\" size=\"{held}\"/>\n\
         <aspace type=\"mprotect\" size=\"{held}\"/>\n</malloc>\n",
        stats.free.count, stats.free.bytes, stats.mappings.count, stats.mappings.bytes,
    ));
}
