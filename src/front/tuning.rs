//! What glibc's tuning and reporting calls mean here.

use super::stats::{self, Share};
use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::cache::threads;
use crate::compartment::{ranges, table};
use crate::heap::mapping::MappingFigures;
use crate::process::{option_keys, options, start, statics};
use crate::route::guard;
use crate::slab::bins::Free;
use crate::sys::{thread, valgrind};
use crate::trace::report;
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

/// `mallopt`: whether the value was taken. Parameters without a meaning here are accepted, as glibc
/// accepts unknown ones.
pub fn set(parameter: c_int, value: c_int) -> bool {
    start::ensure();
    // Negative values are huge sizes, as in glibc.
    #[expect(clippy::cast_sign_loss, reason = "glibc casts so")]
    let unsigned = value as usize;
    match parameter {
        M_MMAP_THRESHOLD => {
            options::set_cutoff(unsigned);
            true
        }
        // 0 forbids mappings; any other value allows any number of them.
        M_MMAP_MAX => {
            options::allow_mappings(value != 0);
            true
        }
        // As in glibc, a program that sets one of these thresholds gets a fixed cutoff.
        M_TRIM_THRESHOLD => {
            options::fix_cutoff();
            options::set_trim_threshold(unsigned);
            statics::apply();
            true
        }
        M_ARENA_MAX => {
            options::set_arenas(unsigned);
            statics::apply();
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

/// Changes an option in a running program. False, after saying why, if the option cannot be changed
/// or the value is bad.
pub fn change(name: &str, value: &str) -> bool {
    let done = option_keys::change(name, value);
    if done {
        match name {
            "guard" => guard::follow(),
            // Each cache's next allocation takes the slow path, and finds the new rate.
            "profile" => threads::all().for_each(|cache| cache.forget_bins()),
            _ => {}
        }
        statics::apply();
    }
    done
}

/// Gives all free memory back, and returns about how many bytes that were.
pub fn trim() -> usize {
    start::ensure();
    threads::flush_mine();
    if !thread::is_in_operation() {
        threads::give_back(false);
    }
    valgrind::quietly(|| {
        let arenas = statics::arenas().filter_map(|arena| arena.enter_patiently(Operation::Other));
        let heaps = table::shared().filter_map(|heap| heap.enter_shared());
        arenas.map(|mut arena| arena.trim()).sum::<usize>()
            + statics::MAPPINGS.release_retained()
            + heaps.map(|mut heap| heap.purge()).sum::<usize>()
            + ranges::purge()
    })
}

/// Figures in glibc's sense: what an arena has from the system is in use unless it is free.
#[derive(Clone, Copy, Default)]
pub struct ArenaInfo {
    /// Bytes of regions.
    pub system: usize,
    /// The most that `system` has been.
    pub system_max: usize,
    /// What of these bytes is free.
    pub free: Free,
}

impl ArenaInfo {
    /// The bytes of the regions that are not free.
    pub fn in_use(&self) -> usize {
        self.system - self.free.bytes
    }
}

/// Calls `f` with the number and the figures of each arena, and returns the figures of all together.
pub fn for_each_info(mut f: impl FnMut(usize, ArenaInfo)) -> ArenaInfo {
    let mut all = ArenaInfo::default();
    stats::for_each_arena(|Share { arena, heap, free, .. }| {
        all.system += heap.held;
        all.system_max += heap.peak_held;
        all.free.count += free.count;
        all.free.bytes += free.bytes;
        f(arena, ArenaInfo { system: heap.held, system_max: heap.peak_held, free });
    });
    all
}

/// The figures of all arenas, and those of the mappings beside them.
pub fn info() -> (ArenaInfo, MappingFigures) {
    (for_each_info(|_, _| {}), statics::MAPPINGS.figures())
}

fn print(text: core::fmt::Arguments<'_>) {
    let mut line = Line::<256>::new();
    // A Line never fails to be written to.
    let _ = line.write_fmt(text);
    report::write_all(libc::STDERR_FILENO, line.as_bytes());
}

/// `malloc_stats`, in glibc's words.
pub fn print_stats() {
    let all = for_each_info(|index, arena| {
        print(format_args!(
            "Arena {index}:\nsystem bytes     = {:10}\nin use bytes     = {:10}\n",
            arena.system,
            arena.in_use(),
        ));
    });
    let mappings = statics::MAPPINGS.figures();
    print(format_args!(
        "Total (incl. mmap):\nsystem bytes     = {:10}\nin use bytes     = {:10}\n\
         max mmap regions = {:10}\nmax mmap bytes   = {:10}\n",
        all.system + mappings.bytes,
        all.in_use() + mappings.bytes,
        mappings.peak_count,
        mappings.peak_bytes,
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
    let all = for_each_info(|index, ArenaInfo { system, system_max, free }| {
        piece(format_args!(
            "<heap nr=\"{index}\">\n<sizes>\n</sizes>\n<total type=\"fast\" count=\"0\" size=\"0\"/>\n\
             <total type=\"rest\" count=\"{}\" size=\"{}\"/>\n<system type=\"current\" size=\"{system}\"/>\n\
             <system type=\"max\" size=\"{system_max}\"/>\n<aspace type=\"total\" size=\"{system}\"/>\n\
             <aspace type=\"mprotect\" size=\"{system}\"/>\n</heap>\n",
            free.count, free.bytes,
        ));
    });
    let (ArenaInfo { system, system_max, free }, mappings) = (all, statics::MAPPINGS.figures());
    piece(format_args!(
        "<total type=\"fast\" count=\"0\" size=\"0\"/>\n<total type=\"rest\" count=\"{}\" size=\"{}\"/>\n\
         <total type=\"mmap\" count=\"{}\" size=\"{}\"/>\n<system type=\"current\" size=\"{system}\"/>\n\
         <system type=\"max\" size=\"{system_max}\"/>\n<aspace type=\"total\" size=\"{system}\"/>\n\
         <aspace type=\"mprotect\" size=\"{system}\"/>\n</malloc>\n",
        free.count, free.bytes, mappings.count, mappings.bytes,
    ));
}
