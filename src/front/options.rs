//! Options: `METES_OPTIONS=key=value,key=value`, read once at start, and what mallopt(3) changes later.
//!
//! What mallopt does not change is sealed after the start: see `base::sealed`. A new option is a line in `sealed_options` and one in `KEYS`.
//!
//! An unknown key or a bad value is named on standard error together with what is valid, and the default holds.

use super::guard;
use super::trailer::DEPTH_MAX;
use crate::base::align;
use crate::base::config::{ARENAS_MAX, CUTOFF_DEFAULT, CUTOFF_DYNAMIC_MAX, CUTOFF_MAX, UNIT};
use crate::base::line::Line;
use crate::base::path::{self, Path};
use crate::base::sealed::{self, Slot, Text};
use crate::heap::free_list::Fit;
use crate::sys::report::{self, After};
use crate::sys::{env, linux, valgrind};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};

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

/// `best`, by measurement: see docs/design.md.
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
const JUNK: u8 = 0x5a;
/// Less would hardly hold the records of an empty heap.
const LIMIT_MIN: usize = 4 << 20;

/// Numbers the words of the options that hold from the start on: they are sealed after it. Each has its default, as a number.
macro_rules! sealed_options {
    ($($name:ident = $default:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "they are the names of the words")]
        enum Index { $($name),* }
        $(const $name: Slot = Slot::new(sealed::OPTIONS + Index::$name as usize, $default);)*
    };
}

sealed_options! {
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
    WATCHED = 0;
    ZEROES = 0;
}

/// A text that is sealed too. Each has a number of its own.
const STATS_FILE: Text = Text::new(0);
const SUPPRESSIONS: Text = Text::new(2);

// What changes while the program runs, by mallopt(3), or the cutoff by itself: all there is that is not sealed.
static CUTOFF: AtomicUsize = AtomicUsize::new(CUTOFF_DEFAULT);
static CUTOFF_FIXED: AtomicBool = AtomicBool::new(false);
static TRIM_THRESHOLD: AtomicUsize = AtomicUsize::new(TRIM_THRESHOLD_DEFAULT);
static ARENAS: AtomicUsize = AtomicUsize::new(0);
/// Not 0 once the environment has been read and blocks are not to be checked.
pub static UNCHECKED: AtomicU8 = AtomicU8::new(0);
/// Whether threads have caches: the fill byte changes that.
static CACHED: AtomicBool = AtomicBool::new(false);
static PERTURB: AtomicU8 = AtomicU8::new(0);

/// Where an option is kept.
trait Place {
    fn put(&self, value: usize);
}

impl Place for Slot {
    fn put(&self, value: usize) {
        self.set(value);
    }
}

impl Place for AtomicUsize {
    fn put(&self, value: usize) {
        self.store(value, Relaxed);
    }
}

impl Place for AtomicBool {
    fn put(&self, value: usize) {
        self.store(value != 0, Relaxed);
    }
}

/// An option: its name, what it takes, and how it is set (false: the value is bad).
struct Key {
    name: &'static str,
    takes: &'static str,
    set: fn(&str) -> bool,
}

const KEYS: &[Key] = &[
    Key { name: "fit", takes: "first, best or worst", set: |v| choose(&FIT, v, &["first", "best", "worst"]) },
    Key { name: "foreign", takes: "abort, ignore or libc", set: |v| choose(&FOREIGN, v, &["abort", "ignore", "libc"]) },
    Key {
        name: "cutoff",
        takes: "a size from 64k to 8g, such as 256k",
        set: |v| size(v).is_some_and(|n| (UNIT..=CUTOFF_MAX).contains(&n) && store(&CUTOFF, n) && fix_cutoff()),
    },
    Key {
        name: "dirty_max",
        takes: "a size, such as 16m, or off",
        set: |v| (if v == "off" { Some(usize::MAX) } else { size(v) }).map(set_trim_threshold).is_some(),
    },
    Key {
        name: "arenas",
        takes: "a number from 1 to 32",
        set: |v| v.parse().is_ok_and(|n| (1..=ARENAS_MAX).contains(&n) && store(&ARENAS, n)),
    },
    Key {
        name: "limit",
        takes: "a size from 4m, such as 512m, or off",
        set: |v| {
            let limit = if v == "off" { Some(usize::MAX) } else { size(v).filter(|&n| n >= LIMIT_MIN) };
            limit.map(linux::set_limit).is_some()
        },
    },
    Key { name: "purge", takes: "lazy, eager or off", set: |v| choose(&PURGE, v, &["lazy", "eager", "off"]) },
    Key {
        name: "decay_ms",
        takes: "a number of milliseconds that freed memory waits before it is given back",
        set: |v| v.parse().is_ok_and(|n| store(&DECAY, n)),
    },
    Key { name: "thp", takes: "auto, always or never", set: |v| choose(&THP, v, &["auto", "always", "never"]) },
    Key {
        name: "slabs",
        takes: "on or off: small sizes in slabs, or straight from the free list",
        set: |v| switch(&SLABS, v),
    },
    Key {
        name: "mix",
        takes: "on or off: slabs in which much is free serve other sizes too, or only their own",
        set: |v| switch(&MIX, v),
    },
    Key { name: "caches", takes: "on or off: a cache for each thread, or none", set: |v| switch(&CACHES, v) },
    Key {
        name: "verify",
        takes: "a number: check the whole heap every so many calls, 0 for never",
        set: |v| v.parse().is_ok_and(|n| store(&VERIFY, n)),
    },
    Key {
        name: "checks",
        takes: "default, full or off",
        set: |v| choose(&CHECKS, v, &["default", "full", "off"]) && set_after_checks(),
    },
    Key {
        name: "debug",
        takes: "1 or 0: remember who allocated and freed each block",
        set: |v| matches!(v, "0" | "1") && store(&DEBUG, (v == "1").into()),
    },
    Key {
        name: "depth",
        takes: "a number of frames from 0 to 64 that are remembered of each stack",
        set: |v| v.parse().is_ok_and(|n| n <= DEPTH_MAX && store(&DEPTH, n)),
    },
    Key {
        name: "leaks",
        takes: "exit or off: look for leaks when the process exits; it has debug=1 on too",
        set: |v| choose(&LEAKS, v, &["off", "exit"]),
    },
    Key {
        name: "families",
        takes: "on or off: whether malloc, new and new[] are told apart where blocks are checked",
        set: |v| switch(&FAMILIES, v),
    },
    Key { name: "suppressions", takes: path::TAKES, set: |v| SUPPRESSIONS.set(v) },
    Key {
        name: "fill",
        takes: "off, junk or zero: what the bytes of new blocks are",
        set: |v| choose(&FILL, v, &["off", "junk", "zero"]) && junk(v),
    },
    Key {
        name: "quarantine",
        takes: "a size, such as 16m: freed bytes that wait before they are used again, where blocks are checked",
        set: |v| size(v).is_some_and(|n| store(&QUARANTINE, n)),
    },
    Key {
        name: "stats",
        takes: "exit or off",
        set: |v| match v {
            "exit" => store(&STATS_AT_EXIT, 1),
            "off" => store(&STATS_AT_EXIT, 0),
            _ => false,
        },
    },
    Key { name: "stats_file", takes: path::TAKES, set: |v| STATS_FILE.set(v) },
    Key { name: "guard", takes: guard::TAKES, set: guard::choose },
    Key { name: "report", takes: path::TAKES, set: report::set_path },
    Key {
        name: "abort",
        takes: "yes or no: stop at a report, or go on where that can be survived",
        set: |v| match v {
            "yes" => set_after(After::Stop),
            "no" => set_after(After::GoOn),
            _ => false,
        },
    },
];

fn store(place: &impl Place, value: usize) -> bool {
    place.put(value);
    true
}

fn switch(place: &impl Place, value: &str) -> bool {
    matches!(value, "on" | "off") && store(place, (value == "on").into())
}

fn set_after_checks() -> bool {
    checks() != Checks::Off || set_after(After::Ignore)
}

/// Without checks for each block the fill byte does it, as mallopt's does.
fn junk(value: &str) -> bool {
    set_perturb(if value == "junk" { JUNK } else { 0 });
    true
}

fn set_after(after: After) -> bool {
    report::set_after(after);
    true
}

fn choose(place: &impl Place, value: &str, names: &[&str]) -> bool {
    names.iter().position(|name| *name == value).is_some_and(|index| store(place, index))
}

/// A number of bytes with an optional k, m or g.
fn size(text: &str) -> Option<usize> {
    let units = [(['k', 'K'], 10), (['m', 'M'], 20), (['g', 'G'], 30)];
    let with_unit = units.iter().find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (digits, shift) = with_unit.unwrap_or((text, 0));
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// Reads the environment. A process that runs with more rights than its caller keeps the defaults.
pub fn read_environment() {
    if !env::is_secure() {
        env::with("METES_OPTIONS", parse);
    }
    WATCHED.set((remembers_calls() || checks() == Checks::Full || valgrind::listens()).into());
    ZEROES.set((fill() == Fill::Zero).into());
    set_perturb(perturb());
    UNCHECKED.store(u8::from(!watched()), Relaxed);
}

/// The defaults under valgrind, where each block is announced to its tools. No mappings: memcheck would take all that stands in them for
/// what the program can reach. Nothing is given back, and what can be survived is.
pub fn set_for_valgrind() {
    PURGE.set(2);
    THP.set(2);
    set_cutoff(CUTOFF_MAX);
    report::set_after(After::GoOn);
}

fn parse(text: &[u8]) {
    for option in text.split(|&byte| byte == b',').filter(|option| !option.is_empty()) {
        let option = core::str::from_utf8(option).unwrap_or("(not UTF-8)");
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match KEYS.iter().find(|key| key.name == name) {
            Some(key) if (key.set)(value) => {}
            Some(key) => {
                report::say(format_args!("bad value '{value:.64}' for option '{name}': it takes {}", key.takes));
            }
            None => {
                let mut names = Line::<256>::new();
                for (i, key) in KEYS.iter().enumerate() {
                    let _ = write!(names, "{}{}", if i == 0 { "" } else { ", " }, key.name);
                }
                let names = names.as_str();
                report::say(format_args!("unknown option '{name:.64}': the options are {names}"));
            }
        }
    }
}

/// The options that can be changed in a running program.
const CHANGEABLE: [&str; 4] = ["guard", "cutoff", "dirty_max", "arenas"];

/// Changes an option in a running program. False, and it is said why, if it is none that can be changed, or the value is bad.
pub fn change(name: &str, value: &str) -> bool {
    let [a, b, c, d] = CHANGEABLE;
    let changeable = format_args!("{a}, {b}, {c} and {d}");
    match KEYS.iter().find(|key| key.name == name) {
        None => {
            let text = "those that can be changed in a running program are";
            report::say(format_args!("unknown option '{name:.64}': {text} {changeable}"));
            false
        }
        Some(_) if !CHANGEABLE.contains(&name) => {
            let text = "cannot be changed in a running program: those that can are";
            report::say(format_args!("option '{name}' {text} {changeable}"));
            false
        }
        Some(key) => {
            let done = if name == "guard" { guard::change(value) } else { (key.set)(value) };
            if !done {
                report::say(format_args!("bad value '{value:.64}' for option '{name}': it takes {}", key.takes));
            }
            done
        }
    }
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

/// Sets and fixes the cutoff, within its limits.
pub fn set_cutoff(bytes: usize) {
    CUTOFF.store(bytes.clamp(UNIT, CUTOFF_MAX), Relaxed);
    fix_cutoff();
}

/// Ends the cutoff's following. Always true.
pub fn fix_cutoff() -> bool {
    store(&CUTOFF_FIXED, 1)
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

/// Sets how many freed bytes a heap keeps before it trims. Heaps follow when `runtime::apply` is called.
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

/// How many milliseconds free objects wait for their own class before others may have their memory.
pub fn mix_after() -> u64 {
    if MIX.is_on() && !watched() { decay() as u64 } else { u64::MAX }
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

/// Whether each block is checked: calls take the route of `watch`.
#[inline]
pub fn watched() -> bool {
    WATCHED.is_on()
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
    path::expand(SUPPRESSIONS, linux::process_id().cast_signed())
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
        _ if watched() => Fill::Junk,
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
    PERTURB.store(if watched() { 0 } else { byte }, Relaxed);
    let fast = verify() == 0 && perturb() == 0 && !watched() && !zeroes();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("4096"), Some(4096));
        assert_eq!(size("64k"), Some(64 << 10));
        assert_eq!(size("2G"), Some(2 << 30));
        assert_eq!((size(""), size("k"), size("12x"), size("-1")), (None, None, None, None));
        assert_eq!(size("99999999999g"), None);
    }

    #[test]
    fn every_key_refuses_rubbish() {
        for key in KEYS.iter().filter(|key| key.takes != path::TAKES) {
            for bad in ["", "rubbish", "-1", "99999999999999999999"] {
                assert!(!(key.set)(bad), "{} took '{bad}'", key.name);
            }
        }
    }

    #[test]
    fn a_bad_cutoff_leaves_the_default() {
        for bad in ["cutoff=1", "cutoff=63k", "cutoff=9g", "cutoff=x"] {
            parse(bad.as_bytes());
            assert_eq!((cutoff(), CUTOFF_FIXED.load(Relaxed)), (CUTOFF_DEFAULT, false), "{bad}");
        }
    }
}
