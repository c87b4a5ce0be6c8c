//! The options by name: what each takes, and how it is read and shown.
//!
//! An unknown key or a bad value is reported on standard error, together with what is valid. The default then holds.

use super::option_kinds::Kind::{self, Choice, Number, Other};
pub use super::option_kinds::size;
use super::option_kinds::{BY_LEVEL, Key, Place, key, number};
use super::option_values::Values;
use super::options::*;
use super::profiling;
use crate::base::config::{ARENAS_MAX, CUTOFF_DEFAULT, CUTOFF_MAX, UNIT};
use crate::base::line::Line;
use crate::sys::{env, kept, limit, valgrind};
use crate::trace::report;
use crate::trace::report::After;
use core::sync::atomic::Ordering::Relaxed;

/// A smaller limit would hardly hold the records of an empty heap.
const LIMIT_MIN: usize = 4 << 20;
const NO_YES: &str = "off on";

static KEYS: &[Key] = &[
    key("fit first, best or worst", Choice(FIT, "first best worst")),
    key("foreign abort, ignore or libc", Choice(FOREIGN, "abort ignore libc")),
    key(
        "cutoff a size from 64k to 8g, such as 256k",
        Other(cutoff_within, set_cutoff, Place::Size(&CUTOFF, CUTOFF_DEFAULT), "256k, follows"),
    ),
    key(
        "dirty_max a size, such as 16m, or off",
        Other(size_or_off, set_trim_threshold, Place::Size(&TRIM_THRESHOLD, TRIM_THRESHOLD_DEFAULT), "16m"),
    ),
    key(
        "arenas a number from 1 to 32",
        Other(|v| number(v, ARENAS_MAX).filter(|&n| n > 0), set_arenas, Place::Rate(&ARENAS), "as many as CPUs"),
    ),
    key(
        "limit a size from 4m, such as 512m, or off",
        Other(|v| size_or_off(v).filter(|&n| n >= LIMIT_MIN), limit::set, Place::Word(limit::LIMIT), "off"),
    ),
    key("purge lazy, eager or off", Choice(PURGE, "lazy eager off")),
    key("decay_ms a number of milliseconds that freed memory waits", Number(DECAY, usize::MAX)),
    key("thp auto, always or never", Choice(THP, "auto always never")),
    key("slabs on or off: small sizes in slabs, or straight from the free list", Choice(SLABS, NO_YES)),
    key("mix on or off: slabs in which much is free serve other sizes too", Choice(MIX, NO_YES)),
    key("caches on or off: a cache for each thread, or none", Choice(CACHES, NO_YES)),
    key("verify a number: check the whole heap every so many calls, 0 for never", Number(VERIFY, usize::MAX)),
    key("checks default, full or off", Choice(CHECKS, "default full off")),
    key("debug 1 or 0: remember who allocated and freed each block", Number(DEBUG, 1)),
    key("depth a number of frames from 0 to 64 that are remembered of each stack", Number(DEPTH, DEPTH_MAX)),
    key("leaks exit or off: look for leaks when the process exits; it has debug=1 on too", Choice(LEAKS, "off exit")),
    key("families on or off: malloc, new and new[] are told apart where blocks are checked", Choice(FAMILIES, NO_YES)),
    key("suppressions a path of at most 255 bytes, %p in it is the process id", Kind::Text(SUPPRESSIONS)),
    key("fill off, junk or zero: what the bytes of new blocks are", Choice(FILL, "off junk zero")),
    key(
        "quarantine a size, such as 16m: freed bytes that wait, where blocks are checked",
        Other(size, |n| QUARANTINE.set(n), Place::Word(QUARANTINE), "4m"),
    ),
    key(
        "profile a size, such as 512k: one allocated byte in so many is sampled, with its stack; on: 512k; or off",
        Other(|v| profiling::read(v, size), profiling::choose, Place::Rate(&profiling::CONTROL.rate), "off"),
    ),
    key(
        "profile_file a path of at most 255 bytes, %p in it is the process id: the profile is kept there, and outlives the process",
        Kind::Text(PROFILE_FILE),
    ),
    key(
        "trace a path of at most 255 bytes, %p in it is the process id: each allocation call is recorded there",
        Kind::Text(TRACE),
    ),
    key(
        "trace_stacks a number of frames from 0 to 64 that are recorded of each stack",
        Number(TRACE_STACKS, DEPTH_MAX),
    ),
    key("stats exit or off", Choice(STATS_AT_EXIT, "off exit")),
    key("stats_file a path of at most 255 bytes, %p in it is the process id", Kind::Text(STATS_FILE)),
    key(
        "guard a number N from 1 to 1g: one in N small allocations is guarded, at random; on: 5000, one in a millisecond at most; or off. Where blocks are checked it is on, and the first 128 are guarded too",
        Other(read_guard, choose_guard, Place::Rate(&GUARD_RATE), BY_LEVEL),
    ),
    key("report a path of at most 255 bytes, %p in it is the process id", Kind::Text(report::PATH)),
    key("abort yes or no: stop at a report, or go on where that can be survived", Choice(report::AFTER, "yes no")),
    key(
        "help no value: this table is written to standard error",
        Other(|v| v.is_empty().then_some(0), |_| {}, Place::Nowhere, ""),
    ),
];

fn cutoff_within(value: &str) -> Option<usize> {
    size(value).filter(|bytes| (UNIT..=CUTOFF_MAX).contains(bytes))
}

fn size_or_off(text: &str) -> Option<usize> {
    if text == "off" { Some(usize::MAX) } else { size(text) }
}

/// A number that depends on all keys, what they take, and which words they are in.
const fn mark() -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let (mut sum, mut at) = (KEYS.len() as u64, 0);
    while at < KEYS.len() {
        let (text, mut byte) = (KEYS[at].text.as_bytes(), 0);
        while byte < text.len() {
            sum = (sum ^ text[byte] as u64).wrapping_mul(K).rotate_left(23);
            byte += 1;
        }
        let (word, default) = KEYS[at].word();
        sum = (sum ^ (word as u64) << 32 ^ default as u64).wrapping_mul(K).rotate_left(23);
        at += 1;
    }
    sum
}

/// A number that another set of options, or of words that they are in, does not have.
pub static MARK: u64 = mark();

/// Sets the options in a text of `key=value,key=value`. Returns whether it asks for the table of options.
pub fn parse(text: &[u8]) -> bool {
    let mut wants_help = false;
    for option in text.split(|&byte| byte == b',').filter(|option| !option.is_empty()) {
        let option = core::str::from_utf8(option).unwrap_or("(not UTF-8)");
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match KEYS.iter().find(|key| key.name() == name) {
            Some(key) if key.set(value) => wants_help |= name == "help",
            Some(key) => say_bad(key, value),
            None => {
                let mut names = Line::<512>::new();
                for (i, key) in KEYS.iter().enumerate() {
                    names.push(if i == 0 { "" } else { ", " }.as_bytes());
                    names.push(key.name().as_bytes());
                }
                let names = names.as_str();
                report::say(format_args!("unknown option '{name:.64}': the options are {names}"));
            }
        }
    }
    wants_help
}

fn say_bad(key: &Key, value: &str) {
    let (name, takes) = key.parts();
    report::say(format_args!("bad value '{value:.64}' for option '{name}': it takes {takes}"));
}

/// Reads the environment. A process that runs with more rights than its caller keeps the defaults.
pub fn read_environment() {
    let mut wants_help = false;
    if !env::is_secure() {
        env::with("METES_OPTIONS", &mut |text| wants_help = parse(text));
    }
    BLOCKS_CHECKED.set((remembers_calls() || checks() == Checks::Full || valgrind::listens()).into());
    ZEROES.set((fill() == Fill::Zero).into());
    // Where blocks are not checked, the fill byte of mallopt(3) does what `fill=junk` asks for.
    set_perturb(if FILL.get() == FILL_JUNK { JUNK } else { perturb() });
    UNCHECKED.store(u8::from(!checked()), Relaxed);
    if checks() == Checks::Off {
        report::set_after(After::Ignore);
        if remembers_calls() {
            let asked = if DEBUG.is_on() { "debug=1" } else { "leaks=exit" };
            report::say(format_args!("checks=off and {asked} contradict each other: nothing is reported but leaks"));
        }
    }
    let writes_stats = stats_at_exit() && STATS_FILE.is_none();
    if writes_stats || (checked() && !report::has_path()) {
        kept::keep();
    }
    if wants_help {
        tell();
    }
}

/// Writes a line for each option: its value, its default, and what it takes.
pub fn tell() {
    KEYS.iter().for_each(Key::tell);
}

/// Calls `f` with each option's name, what it takes, and its default.
pub fn describe(f: &mut dyn FnMut(&'static str, &'static str, &str)) {
    for key in KEYS {
        let (name, takes) = key.parts();
        let mut default = Line::<512>::new();
        key.push_default(&mut default);
        f(name, takes, default.as_str());
    }
}

/// An option as it is in a process.
pub struct InForce<'a> {
    /// Its key.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// Whether it is the one before it is set.
    pub is_default: bool,
    /// Whether it can change in a running program.
    pub is_changeable: bool,
    key: &'static Key,
    values: &'a Values,
}

/// Calls `f` with each option of another process.
pub fn each_in_force(values: &Values, f: &mut dyn FnMut(&InForce<'_>)) {
    for key in KEYS {
        let mut line = Line::<512>::new();
        key.push_value(&mut line, values);
        let is_changeable = CHANGEABLE.contains(&key.name());
        let (name, is_default) = (key.name(), key.is_default(values));
        f(&InForce { name, value: line.as_str(), is_default, is_changeable, key, values });
    }
}

impl InForce<'_> {
    /// Whether this value, as `METES_OPTIONS` has it, is the one in force; `None` if it is bad.
    pub fn is(&self, text: &str) -> Option<bool> {
        self.key.is(text, self.values)
    }
}

/// Whether an option takes a value, which is not set. `None` if there is no such option.
pub fn takes(name: &str, value: &str) -> Option<bool> {
    KEYS.iter().find(|key| key.name() == name).map(|key| key.read(value).is_some())
}

/// Calls `f` with an option's value now, as `METES_OPTIONS` takes it. Returns false if there is no such option.
pub fn value_of(name: &str, f: impl FnOnce(&[u8])) -> bool {
    let Some(key) = KEYS.iter().find(|key| key.name() == name) else { return false };
    let mut line = Line::<512>::new();
    key.push_now(&mut line);
    f(line.as_bytes());
    true
}

/// The options that can be changed in a running program.
const CHANGEABLE: [&str; 5] = ["guard", "cutoff", "dirty_max", "arenas", "profile"];

/// Changes an option in a running program. Returns false, and says why, if the option cannot be
/// changed or the value is bad.
pub fn change(name: &str, value: &str) -> bool {
    let [a, b, c, d, e] = CHANGEABLE;
    let changeable = format_args!("{a}, {b}, {c}, {d} and {e}");
    match KEYS.iter().find(|key| key.name() == name) {
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
            let done = key.set(value);
            if !done {
                say_bad(key, value);
            }
            done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::option_kinds::write_size;

    #[test]
    fn sizes() {
        assert_eq!(size("4096"), Some(4096));
        assert_eq!(size("64k"), Some(64 << 10));
        assert_eq!(size("2G"), Some(2 << 30));
        assert_eq!((size(""), size("k"), size("12x"), size("-1")), (None, None, None, None));
        assert_eq!(size("99999999999g"), None);
    }

    #[test]
    fn a_size_is_written_as_it_can_be_read() {
        for bytes in [0, 1, 1023, 64 << 10, 3 << 20, 5 << 30, (1 << 30) + 1024] {
            let mut line = Line::<512>::new();
            write_size(&mut line, bytes);
            assert_eq!(size(line.as_str()), Some(bytes));
        }
    }

    #[test]
    fn every_key_refuses_rubbish() {
        for key in KEYS.iter().filter(|key| !matches!(key.kind, Kind::Text(_))) {
            for bad in ["", "rubbish", "-1", "99999999999999999999"] {
                assert!(!key.set(bad) || (bad, key.name()) == ("", "help"), "{} took '{bad}'", key.name());
            }
        }
    }

    #[test]
    fn a_value_is_looked_at_and_not_set() {
        let before = depth();
        assert_eq!((takes("depth", "9"), takes("depth", "65"), takes("width", "1")), (Some(true), Some(false), None));
        assert_eq!(
            (takes("help", ""), takes("report", ""), takes("report", "/x")),
            (Some(true), Some(false), Some(true))
        );
        assert_eq!(takes("guard", "on").zip(takes("guard", "2g")), Some((true, false)));
        assert_eq!((depth(), report::has_path()), (before, false));
    }

    #[test]
    fn each_option_is_described() {
        let mut count = 0;
        describe(&mut |name, takes, default| {
            assert!(!name.is_empty() && !takes.is_empty());
            assert!(name != "decay_ms" || default == "1000", "{default}");
            count += 1;
        });
        assert_eq!(count, KEYS.len());
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn a_bad_cutoff_leaves_the_default() {
        for bad in ["cutoff=1", "cutoff=63k", "cutoff=9g", "cutoff=x"] {
            assert!(!parse(bad.as_bytes()));
            assert_eq!((cutoff(), is_cutoff_fixed()), (CUTOFF_DEFAULT, false), "{bad}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "a page of text, byte by byte")]
    fn the_readme_has_each_option() {
        let readme = include_str!("../../README.md");
        for key in KEYS {
            assert!(readme.contains(&std::format!("\n| `{}` |", key.name())), "{} is not in README.md", key.name());
        }
    }
}
