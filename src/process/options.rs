//! Options: `METES_OPTIONS=key=value,key=value`, read once at start, and what mallopt(3) changes later.
//!
//! What mallopt does not change is sealed after the start: see `base::read_only`. A new option is a line in `read_only_options` and one in
//! `option_keys`, which has the names and what they take.

use crate::base::align;
use crate::base::config::{ARENAS_MAX, CUTOFF_DEFAULT, CUTOFF_DYNAMIC_MAX, CUTOFF_MAX, UNIT};
use crate::base::path::{self, Path};
use crate::base::read_only::{self, Text, Word};
use crate::heap::free_list::Fit;
use crate::sys::{calls, valgrind};
use crate::trace::report::{self, After};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};

/// When freed memory is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purge {
    /// When it has waited for the decay time, by a helper thread.
    Lazy,
    /// At once when it is more than may wait.
    Eager,
    /// Only when the program asks.
    Off,
}

/// Who asks for huge pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HugePages {
    /// Heaps that are large.
    Auto,
    /// All heaps, and mappings.
    Always,
    /// Nobody, where the system would give them unasked either.
    Never,
}

/// What to do with a pointer that is not from metes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Report it and stop.
    Abort,
    /// Report it and go on: the pointer is left alone.
    Ignore,
    /// Pass it to the libc's own allocator if it is one of its blocks, else report it and stop.
    Libc,
}

/// What the bytes of new blocks are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    /// What they happen to be.
    Off,
    /// 0xa5, and 0x5a when they are freed.
    Junk,
    /// Zero.
    Zero,
}

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checks {
    /// What costs nothing one can measure.
    Default,
    /// Everything about every block.
    Full,
    /// As by default, but what is found is passed over.
    Off,
}

/// `best`, by measurement: see docs/design/alternatives.md.
const FIT_DEFAULT: usize = 1;
const TRIM_THRESHOLD_DEFAULT: usize = 16 << 20;
/// Milliseconds.
const DECAY_DEFAULT: usize = 1000;
/// How many times as large as the mapping that was freed the cutoff becomes.
const LEAP: usize = 4;
/// Frames of each stack.
const DEPTH_DEFAULT: usize = 8;
/// Bytes that wait in quarantine.
const QUARANTINE_DEFAULT: usize = 4 << 20;
/// Junk where blocks are checked, nothing where not.
const FILL_BY_LEVEL: usize = 3;
pub(super) const FILL_JUNK: usize = 1;
pub(super) const JUNK: u8 = 0x5a;

/// The most frames of a stack that are remembered.
pub const DEPTH_MAX: usize = 64;

/// Numbers the words of the options that hold from the start on: they are sealed after it. Each has its default, as a number.
macro_rules! read_only_options {
    ($($name:ident = $default:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "they are the names of the words")]
        enum Index { $($name),* }
        $(pub(super) const $name: Word = Word::new(read_only::OPTIONS + Index::$name as usize, $default);)*
    };
}

read_only_options! {
    FIT = FIT_DEFAULT;
    PURGE = 0;
    FOREIGN = 0;
    VERIFY = 0;
    DECAY = DECAY_DEFAULT;
    THP = 0;
    SLABS = 1;
    MIX = 1;
    CACHES = 1;
    STATS_AT_EXIT = 0;
    CHECKS = 0;
    DEBUG = 0;
    DEPTH = DEPTH_DEFAULT;
    LEAKS = 0;
    FAMILIES = 1;
    FILL = FILL_BY_LEVEL;
    QUARANTINE = QUARANTINE_DEFAULT;
    BLOCKS_CHECKED = 0;
    ZEROES = 0;
}

/// A text that is sealed too. Each has a number of its own.
pub(super) const STATS_FILE: Text = Text::new(0);
pub(super) const SUPPRESSIONS: Text = Text::new(2);

// What changes while the program runs, by mallopt(3), or the cutoff by itself: all there is that is not sealed.
static CUTOFF: AtomicUsize = AtomicUsize::new(CUTOFF_DEFAULT);
static CUTOFF_FIXED: AtomicBool = AtomicBool::new(false);
/// What the cutoff is once mappings are allowed again; 0 while they are.
static CUTOFF_KEPT: AtomicUsize = AtomicUsize::new(0);
static TRIM_THRESHOLD: AtomicUsize = AtomicUsize::new(TRIM_THRESHOLD_DEFAULT);
static ARENAS: AtomicUsize = AtomicUsize::new(0);
/// Not 0 once the environment has been read and blocks are not to be checked.
pub static UNCHECKED: AtomicU8 = AtomicU8::new(0);
/// Whether threads have caches: the fill byte changes that.
static CACHED: AtomicBool = AtomicBool::new(false);
static PERTURB: AtomicU8 = AtomicU8::new(0);

/// The defaults under valgrind, where each block is announced to its tools. No mappings: memcheck would take all that stands in them for
/// what the program can reach. Nothing is given back, and what can be survived is.
pub fn set_for_valgrind() {
    PURGE.set(2);
    THP.set(2);
    set_cutoff(CUTOFF_MAX);
    report::set_after(After::GoOn);
}

/// The fit policy.
pub fn fit() -> Fit {
    match FIT.get() {
        1 => Fit::Best,
        2 => Fit::Worst,
        _ => Fit::First,
    }
}

/// When freed memory is given back.
pub fn purge() -> Purge {
    match PURGE.get() {
        1 => Purge::Eager,
        2 => Purge::Off,
        _ => Purge::Lazy,
    }
}

/// What to do with foreign pointers.
pub fn foreign() -> Foreign {
    match FOREIGN.get() {
        1 => Foreign::Ignore,
        2 => Foreign::Libc,
        _ => Foreign::Abort,
    }
}

/// Requests of this many bytes and more get mappings of their own.
#[inline]
pub fn cutoff() -> usize {
    CUTOFF.load(Relaxed)
}

/// Sets and fixes the cutoff, within its limits. Where mappings are not allowed that is for when they are again.
pub fn set_cutoff(bytes: usize) {
    let cutoff = if CUTOFF_KEPT.load(Relaxed) == 0 { &CUTOFF } else { &CUTOFF_KEPT };
    cutoff.store(bytes.clamp(UNIT, CUTOFF_MAX), Relaxed);
    fix_cutoff();
}

/// Whether there may be mappings. Where not, there are as few as can be: from the greatest cutoff on. Fixes the cutoff.
pub fn allow_mappings(allowed: bool) {
    fix_cutoff();
    if !allowed {
        let cutoff = CUTOFF.swap(CUTOFF_MAX, Relaxed);
        let _ = CUTOFF_KEPT.compare_exchange(0, cutoff, Relaxed, Relaxed);
    } else if let kept @ 1.. = CUTOFF_KEPT.swap(0, Relaxed) {
        CUTOFF.store(kept, Relaxed);
    }
}

/// Ends the cutoff's following. Always true.
pub fn fix_cutoff() -> bool {
    CUTOFF_FIXED.store(true, Relaxed);
    true
}

/// Whether the cutoff does not follow.
#[cfg(test)]
pub fn is_cutoff_fixed() -> bool {
    CUTOFF_FIXED.load(Relaxed)
}

/// A mapping of `bytes` was freed: a program that does so will do it again, and from the heap that is cheaper. So the
/// cutoff follows upwards, as glibc's does, but by leaps, unless it was fixed.
pub fn learn_cutoff(bytes: usize) {
    if bytes >= cutoff() && bytes < CUTOFF_DYNAMIC_MAX && !CUTOFF_FIXED.load(Relaxed) {
        CUTOFF.store(align::up((LEAP * bytes + 1).min(CUTOFF_DYNAMIC_MAX), UNIT), Relaxed);
    }
}

/// How many freed bytes a heap keeps before it trims.
pub fn trim_threshold() -> usize {
    TRIM_THRESHOLD.load(Relaxed)
}

/// Sets how many freed bytes a heap keeps before it trims. Heaps follow when `statics::apply` is called.
pub fn set_trim_threshold(bytes: usize) {
    TRIM_THRESHOLD.store(bytes, Relaxed);
}

/// The number of arenas asked for; 0: as many as CPUs.
pub fn arenas() -> usize {
    ARENAS.load(Relaxed)
}

/// Asks for at most this many arenas; 0: as many as CPUs.
pub fn set_arenas(n: usize) {
    ARENAS.store(n.min(ARENAS_MAX), Relaxed);
}

/// How many milliseconds freed memory waits before a heap trims.
pub fn decay() -> usize {
    DECAY.get()
}

/// Who asks for huge pages.
pub fn huge_pages() -> HugePages {
    match THP.get() {
        1 => HugePages::Always,
        2 => HugePages::Never,
        _ => HugePages::Auto,
    }
}

/// Whether small sizes are served from slabs.
#[inline]
pub fn slabs() -> bool {
    SLABS.is_on()
}

/// Whether slabs in which much is free serve other sizes too.
pub fn mix() -> bool {
    MIX.is_on() && !checked()
}

/// Whether threads have caches. Not where each call has to do what the fast paths do not: checks, and fills.
#[inline]
pub fn caches() -> bool {
    CACHED.load(Relaxed)
}

/// Whether all new blocks are zero.
#[inline]
pub fn zeroes() -> bool {
    ZEROES.is_on()
}

/// How much is checked.
pub fn checks() -> Checks {
    match CHECKS.get() {
        1 => Checks::Full,
        2 => Checks::Off,
        _ => Checks::Default,
    }
}

/// Whether each block is checked: calls take the route of `debug::checked`.
#[inline]
pub fn checked() -> bool {
    BLOCKS_CHECKED.is_on()
}

/// Whether each block remembers by whom it was allocated and freed.
#[inline]
pub fn remembers_calls() -> bool {
    DEBUG.is_on() || LEAKS.is_on()
}

/// How many frames of a stack are remembered.
pub fn depth() -> usize {
    DEPTH.get()
}

/// Whether leaks are looked for at exit.
pub fn leaks_at_exit() -> bool {
    LEAKS.is_on()
}

/// Whether malloc, new and new[] are told apart.
pub fn families() -> bool {
    FAMILIES.is_on()
}

/// The file that says which leaks not to tell.
pub fn suppressions() -> Option<Path> {
    path::expand(SUPPRESSIONS, calls::process_id().cast_signed())
}

/// What the bytes of new blocks are.
pub fn fill() -> Fill {
    if valgrind::listens() {
        // What is written to a block counts as the program's.
        return Fill::Off;
    }
    match FILL.get() {
        0 => Fill::Off,
        1 => Fill::Junk,
        2 => Fill::Zero,
        _ if checked() => Fill::Junk,
        _ => Fill::Off,
    }
}

/// How many bytes wait in quarantine.
pub fn quarantine() -> usize {
    QUARANTINE.get()
}

/// Check the whole heap every so many calls; 0: never.
#[inline]
pub fn verify() -> usize {
    VERIFY.get()
}

/// The byte freed blocks are filled with, and new ones with its complement; 0: they are not.
#[inline]
pub fn perturb() -> u8 {
    PERTURB.load(Relaxed)
}

/// Sets the fill byte.
pub fn set_perturb(byte: u8) {
    // Where blocks are checked, `fill` says it all.
    PERTURB.store(if checked() { 0 } else { byte }, Relaxed);
    let fast = verify() == 0 && perturb() == 0 && !checked() && !zeroes();
    CACHED.store(CACHES.is_on() && slabs() && fast, Relaxed);
}

/// Whether statistics are wanted at exit.
pub fn stats_at_exit() -> bool {
    STATS_AT_EXIT.is_on()
}

/// Where the statistics go, if not to standard error.
pub fn stats_file(pid: libc::pid_t) -> Option<Path> {
    path::expand(STATS_FILE, pid)
}

/// `guard=on`. See docs/design/safety.md for what it costs.
const GUARD_ON: usize = 5000;
const GUARD_MAX: usize = 1 << 30;

/// One in so many allocations is guarded; 0: none.
static GUARD_RATE: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread takes no second sample in a millisecond.
static GUARD_SPACED: AtomicBool = AtomicBool::new(false);
/// Whether anything was said of it.
static GUARD_CHOSEN: AtomicBool = AtomicBool::new(false);

/// One in so many allocations is guarded; 0: none.
pub fn guard_rate() -> usize {
    GUARD_RATE.load(Relaxed)
}

/// Sets the rate by a value of the option. False if that is none.
pub fn choose_guard(value: &str) -> bool {
    let rate = match value {
        "off" => Some(0),
        "on" => Some(GUARD_ON),
        _ => value.parse().ok().filter(|rate| (1..=GUARD_MAX).contains(rate)),
    };
    let Some(rate) = rate else { return false };
    GUARD_SPACED.store(value == "on", Relaxed);
    GUARD_RATE.store(rate, Relaxed);
    GUARD_CHOSEN.store(true, Relaxed);
    true
}

/// Guards nothing, as there is no memory for it.
pub fn set_guard_off() {
    GUARD_RATE.store(0, Relaxed);
}

/// Whether the rate was chosen, and is not just what it is by default.
pub fn guard_is_chosen() -> bool {
    GUARD_CHOSEN.load(Relaxed)
}

/// Whether a thread takes no second sample in a millisecond: what `guard=on` costs has a bound by that, however much a program allocates.
pub fn guard_is_spaced() -> bool {
    GUARD_SPACED.load(Relaxed)
}
