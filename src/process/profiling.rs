//! Whether allocations are sampled for a profile, and where the profile is.
//!
//! An option sets the rate, a program by `metes_option_set`, or the tool from outside, through the channel: it writes
//! `ever` and `rate`, and empties the tables of bins of the thread caches, so that each cache's next allocation takes the
//! slow path and finds the rate.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// What a tool writes and reads.
#[repr(C)]
pub struct Control {
    /// Bytes between two samples, in the mean; 0 for no samples.
    pub rate: AtomicUsize,
    /// Not 0 if the rate ever was.
    pub ever: AtomicUsize,
    /// The address of the profile: see `profile::table`. 0 before the first sample.
    pub table: AtomicUsize,
}

/// The process's.
pub static CONTROL: Control =
    Control { rate: AtomicUsize::new(0), ever: AtomicUsize::new(0), table: AtomicUsize::new(0) };

/// The rate of `profile=on`, as in other profilers.
const ON: usize = 512 << 10;
/// At a lower rate nearly all blocks are samples, and the table is full at once.
const LEAST: usize = 64;

/// Bytes between two samples, in the mean; 0 for no samples.
#[inline(always)]
pub fn rate() -> usize {
    CONTROL.rate.load(Relaxed)
}

/// Whether the slow paths have to ask: there are samples, or there were.
#[inline(always)]
pub fn is_asked() -> bool {
    CONTROL.ever.load(Relaxed) != 0
}

/// Reads a value of the option: `on`, `off`, or a number of bytes, which `size` reads. `None` if it is bad.
pub fn read(value: &str, size: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    match value {
        "off" => Some(0),
        "on" => Some(ON),
        _ => size(value).filter(|&rate| rate >= LEAST),
    }
}

/// Sets the rate.
pub fn choose(rate: usize) {
    CONTROL.ever.fetch_or(usize::from(rate != 0), Relaxed);
    CONTROL.rate.store(rate, Relaxed);
}

/// Takes no more samples, and forgets the profile.
pub fn end() {
    CONTROL.rate.store(0, Relaxed);
    CONTROL.table.store(0, Relaxed);
}

/// The address of the profile; 0 if there is none.
pub fn table() -> usize {
    CONTROL.table.load(Acquire)
}

/// Makes the memory at an address the profile. There is none yet.
pub fn set_table(address: usize) {
    CONTROL.table.store(address, Release);
}
