//! Options: `METES_OPTIONS=key=value,key=value`, read once at start, and what mallopt(3) and
//! `metes_option_set` change later.
//!
//! Options that never change after the start are read-only words: see `base::read_only`. A new one is
//! a line in `read_only_options` and one in `option_keys`, which has the names and what they take.

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
    /// By a helper thread, when it has waited for the decay time.
    Lazy,
    /// At once, when there is more of it than may wait.
    Eager,
    /// Only when the program asks.
    Off,
}

/// Which memory asks for huge pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HugePages {
    /// Memory that is known to be dense.
    Auto,
    /// All heaps, and mappings.
    Always,
    /// None, and the system gives none unasked either.
    Never,
}

/// What to do with a pointer that is not from metes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Report it and stop.
    Abort,
    /// Report it and go on. The pointer is left alone.
    Ignore,
    /// Pass it to the libc's own allocator if it looks like one of its blocks, else report it and stop.
    Libc,
}

/// What the bytes of new blocks are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    /// Whatever they happen to be.
    Off,
    /// 0xa5 in new blocks, 0x5a in freed ones.
    Junk,
    /// Zero.
    Zero,
}

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checks {
    /// Whatever has no measurable cost.
    Default,
    /// Everything about every block.
    Full,
    /// The same as `Default`, but what is found is ignored.
    Off,
}

/// `best`, by measurement: see docs/design/alternatives.md.
const FIT_DEFAULT: usize = 1;
pub(super) const TRIM_THRESHOLD_DEFAULT: usize = 16 << 20;
/// Milliseconds.
const DECAY_DEFAULT: usize = 1000;
/// The cutoff becomes this many times as large as the mapping that was freed.
const LEAP: usize = 4;
/// Frames that are kept of each stack.
const DEPTH_DEFAULT: usize = 8;
/// Frames that are recorded of each stack.
const TRACE_STACKS_DEFAULT: usize = 16;
/// Bytes that wait in quarantine.
const QUARANTINE_DEFAULT: usize = 4 << 20;
/// Junk where blocks are checked, no fill elsewhere.
const FILL_BY_LEVEL: usize = 3;
pub(super) const FILL_JUNK: usize = 1;
pub(super) const JUNK: u8 = 0x5a;

/// The most frames of a stack that are remembered.
pub const DEPTH_MAX: usize = 64;

/// Numbers the words of the options that never change after the start: they are read-only. Each has
/// its default, as a number.
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
    TRACE_STACKS = TRACE_STACKS_DEFAULT;
    ZEROES = 0;
}

/// The read-only texts. Each has its own number.
pub(super) const STATS_FILE: Text = Text::new(0);
pub(super) const SUPPRESSIONS: Text = Text::new(2);
pub(super) const PROFILE_FILE: Text = Text::new(3);
pub(super) const TRACE: Text = Text::new(4);

// Only these and the words of `guard` are not read-only. All but `UNCHECKED` change while the
// program runs: by mallopt(3), by `metes_option_set`, and the cutoff also by itself.
pub(super) static CUTOFF: AtomicUsize = AtomicUsize::new(CUTOFF_DEFAULT);
/// Whether the cutoff no longer follows what the program frees.
pub static CUTOFF_FIXED: AtomicBool = AtomicBool::new(false);
/// What the cutoff becomes when mappings are allowed again; 0 while they are allowed.
static CUTOFF_KEPT: AtomicUsize = AtomicUsize::new(0);
pub(super) static TRIM_THRESHOLD: AtomicUsize = AtomicUsize::new(TRIM_THRESHOLD_DEFAULT);
pub(super) static ARENAS: AtomicUsize = AtomicUsize::new(0);
/// Not 0 once the environment has been read, if blocks are not checked.
pub static UNCHECKED: AtomicU8 = AtomicU8::new(0);
/// Whether threads have caches. The fill byte changes that.
static CACHED: AtomicBool = AtomicBool::new(false);
static PERTURB: AtomicU8 = AtomicU8::new(0);

/// The defaults under valgrind, whose tools are told of each block. As few requests as possible become mappings:
/// memcheck would take all that stands in a mapping for reachable. Nothing is given back, and what can be survived is.
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

/// What to do with a foreign pointer.
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

/// Sets and fixes the cutoff, within its limits. While mappings are not allowed, the value waits until they are.
pub fn set_cutoff(bytes: usize) {
    let cutoff = if CUTOFF_KEPT.load(Relaxed) == 0 { &CUTOFF } else { &CUTOFF_KEPT };
    cutoff.store(bytes.clamp(UNIT, CUTOFF_MAX), Relaxed);
    fix_cutoff();
}

/// Allows or forbids mappings, and fixes the cutoff. While they are forbidden there are as few as
/// possible: from the greatest cutoff on.
pub fn allow_mappings(allowed: bool) {
    fix_cutoff();
    if !allowed {
        let cutoff = CUTOFF.swap(CUTOFF_MAX, Relaxed);
        let _ = CUTOFF_KEPT.compare_exchange(0, cutoff, Relaxed, Relaxed);
    } else if let kept @ 1.. = CUTOFF_KEPT.swap(0, Relaxed) {
        CUTOFF.store(kept, Relaxed);
    }
}

/// Stops the cutoff from following what the program frees. Always returns true.
pub fn fix_cutoff() -> bool {
    CUTOFF_FIXED.store(true, Relaxed);
    true
}

/// Whether the cutoff is fixed.
#[cfg(test)]
pub fn is_cutoff_fixed() -> bool {
    CUTOFF_FIXED.load(Relaxed)
}

/// Called when a mapping of `bytes` was freed. A program that frees one will do so again, and from the
/// heap that is cheaper. So the cutoff follows upwards, as glibc's does, but by leaps, unless it is fixed.
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

/// The number of arenas that was asked for; 0: as many as CPUs.
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

/// Which memory asks for huge pages.
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

/// Whether slabs with much free memory serve other sizes too.
pub fn mix() -> bool {
    MIX.is_on() && !checked()
}

/// Whether threads have caches. They have none where each call does what the fast paths do not: checks and fills.
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

/// Whether each block is checked. Calls take the route of `debug::checked` then.
#[inline]
pub fn checked() -> bool {
    BLOCKS_CHECKED.is_on()
}

/// Whether each block remembers the calls that allocated and freed it.
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

/// The file that says which leaks not to report.
pub fn suppressions() -> Option<Path> {
    path::expand(SUPPRESSIONS, calls::process_id().cast_signed())
}

/// What the bytes of new blocks are.
pub fn fill() -> Fill {
    if valgrind::listens() {
        // A write to a block would count as the program's.
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

/// The whole heap is checked every so many calls; 0: never.
#[inline]
pub fn verify() -> usize {
    VERIFY.get()
}

/// The byte that freed blocks are filled with; new ones are filled with its complement. 0: no filling.
#[inline]
pub fn perturb() -> u8 {
    PERTURB.load(Relaxed)
}

/// Sets the fill byte.
pub fn set_perturb(byte: u8) {
    // Where blocks are checked, `fill` alone decides.
    PERTURB.store(if checked() { 0 } else { byte }, Relaxed);
    let fast = verify() == 0 && perturb() == 0 && !checked() && !zeroes();
    CACHED.store(CACHES.is_on() && slabs() && fast, Relaxed);
}

/// Whether statistics are wanted at exit.
pub fn stats_at_exit() -> bool {
    STATS_AT_EXIT.is_on()
}

/// The file that the profile is kept in, if not in memory alone.
pub fn profile_file(pid: libc::pid_t) -> Option<Path> {
    path::expand(PROFILE_FILE, pid)
}

/// Whether the profile is kept in a file.
pub fn has_profile_file() -> bool {
    !PROFILE_FILE.is_none()
}

/// Where the statistics go, if not to standard error.
pub fn stats_file(pid: libc::pid_t) -> Option<Path> {
    path::expand(STATS_FILE, pid)
}

/// The rate of `guard=on`. See docs/design/safety.md for its cost.
pub(super) const GUARD_ON: usize = 5000;
const GUARD_MAX: usize = 1 << 30;

/// One in this many allocations is guarded; 0: none.
pub(super) static GUARD_RATE: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread takes at most one sample in a millisecond.
static GUARD_SPACED: AtomicBool = AtomicBool::new(false);
/// Whether the option was set.
static GUARD_CHOSEN: AtomicBool = AtomicBool::new(false);

/// One in this many allocations is guarded; 0: none.
pub fn guard_rate() -> usize {
    GUARD_RATE.load(Relaxed)
}

/// What `guard=on` is read as: samples that are spaced, at the rate `GUARD_ON`.
pub const GUARD_SPACED_ON: usize = usize::MAX;

/// Reads a value of the option; `None` if it is bad.
pub(super) fn read_guard(value: &str) -> Option<usize> {
    match value {
        "off" => Some(0),
        "on" => Some(GUARD_SPACED_ON),
        _ => value.parse().ok().filter(|rate| (1..=GUARD_MAX).contains(rate)),
    }
}

/// Sets the rate: 0 for none, or `GUARD_SPACED_ON`.
pub fn choose_guard(rate: usize) {
    let spaced = rate == GUARD_SPACED_ON;
    GUARD_SPACED.store(spaced, Relaxed);
    GUARD_RATE.store(if spaced { GUARD_ON } else { rate }, Relaxed);
    GUARD_CHOSEN.store(true, Relaxed);
}

/// Switches guarding off, as there is no memory for it.
pub fn set_guard_off() {
    GUARD_RATE.store(0, Relaxed);
}

/// Whether the rate was chosen, and is not just the default.
pub fn guard_is_chosen() -> bool {
    GUARD_CHOSEN.load(Relaxed)
}

/// Whether a thread takes at most one sample in a millisecond. That bounds what `guard=on` costs,
/// however much a program allocates.
pub fn guard_is_spaced() -> bool {
    GUARD_SPACED.load(Relaxed)
}
