//! What a program's leading comment says about building, running and judging it. `c_programs.rs` lists the keys.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, fs};

use regex::Regex;

use crate::{ROOT, Source};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    So,
    A,
    Static,
    Preload,
    Valgrind,
    Memcheck,
    Helgrind,
    Drd,
    Dhat,
    Plain,
}

impl Way {
    const ALL: [Way; 10] = [
        Way::So,
        Way::A,
        Way::Static,
        Way::Preload,
        Way::Valgrind,
        Way::Memcheck,
        Way::Helgrind,
        Way::Drd,
        Way::Dhat,
        Way::Plain,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::So => "so",
            Way::A => "a",
            Way::Static => "static",
            Way::Preload => "preload",
            Way::Valgrind => "valgrind",
            Way::Memcheck => "memcheck",
            Way::Helgrind => "helgrind",
            Way::Drd => "drd",
            Way::Dhat => "dhat",
            Way::Plain => "plain",
        }
    }

    pub(crate) fn preloads_metes(self) -> bool {
        matches!(self, Way::Preload) || !self.valgrind().is_empty()
    }

    /// The words of a call of valgrind. Empty for the ways without valgrind.
    pub(crate) fn valgrind(self) -> &'static [&'static str] {
        const METES_SERVES: &str = "--soname-synonyms=somalloc=nouserintercepts";
        match self {
            Way::Valgrind => &["valgrind", "-q", "--error-exitcode=9", "--leak-check=no"],
            Way::Memcheck => &["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", METES_SERVES],
            Way::Helgrind => &["valgrind", "-q", "--error-exitcode=9", "--tool=helgrind", METES_SERVES],
            Way::Drd => &["valgrind", "-q", "--error-exitcode=9", "--tool=drd", METES_SERVES],
            // `-q` and /dev/null leave out what is not wanted of DHAT's output.
            Way::Dhat => &["valgrind", "-q", "--tool=dhat", "--dhat-out-file=/dev/null"],
            Way::So | Way::A | Way::Static | Way::Preload | Way::Plain => &[],
        }
    }
}

/// How thoroughly metes checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Default,
    Full,
    Trailers,
    Guard,
    Debug,
}

impl Level {
    const ALL: [Level; 5] = [Level::Default, Level::Full, Level::Trailers, Level::Guard, Level::Debug];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Default => "default",
            Level::Full => "full",
            Level::Trailers => "trailers",
            Level::Guard => "guard",
            Level::Debug => "debug",
        }
    }

    /// The level's options in METES_OPTIONS.
    pub(crate) fn options(self) -> Option<&'static str> {
        match self {
            Level::Default => None,
            Level::Full => Some("checks=full"),
            Level::Trailers => Some("checks=full,guard=off"),
            Level::Guard => Some("guard=1"),
            // The search for leaks needs process_vm_readv, which qemu-user does not have.
            Level::Debug if env::var_os("METES_TEST_RUNNER").is_some() => Some("debug=1"),
            Level::Debug => Some("debug=1,leaks=exit"),
        }
    }
}

/// The ways of a folder. Empty for a folder that is not known.
fn default_ways(folder: &str) -> Vec<Way> {
    match folder {
        "api" => vec![Way::So, Way::A, Way::Preload],
        "special" => vec![Way::So, Way::A],
        "guard" => vec![Way::So, Way::Preload],
        "misuse" => vec![Way::So],
        "stress" => vec![Way::So, Way::Preload],
        "preload" | "limits" | "detect" => vec![Way::Preload],
        "valgrind" => vec![Way::Memcheck],
        _ => vec![],
    }
}

/// A need that not every machine satisfies.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    CpuQuota,
    LockedMemory,
    FewMaps,
}

impl Need {
    fn parse(value: &str) -> Result<Need, String> {
        match value {
            "cpu-quota" => Ok(Need::CpuQuota),
            "locked-memory" => Ok(Need::LockedMemory),
            "few-maps" => Ok(Need::FewMaps),
            _ => Err(format!("nothing is known of `{value}`")),
        }
    }

    /// What is missing on this machine, if anything.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let (is_there, what) = match self {
            Need::CpuQuota => (can_make_cpu_quota(), "no control group with a CPU quota can be made"),
            Need::LockedMemory => (can_lock_memory(), "no 128 MiB may be locked"),
            Need::FewMaps => (maps_allowed() <= 140_000, "more than 140,000 memory maps are allowed"),
        };
        (!is_there).then_some(what)
    }
}

/// Whether control groups may be made, and there is more than one CPU.
fn can_make_cpu_quota() -> bool {
    let quotas = [("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"), ("/sys/fs/cgroup", "cpu.max")];
    let can_make = |&(mount, quota): &(&str, &str)| {
        let group = Path::new(mount).join(format!("metes-probe-{}", std::process::id()));
        let made = fs::create_dir(&group).is_ok();
        let has_quota = group.join(quota).exists();
        made && fs::remove_dir(&group).is_ok() && has_quota
    };
    std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) && quotas.iter().any(can_make)
}

fn can_lock_memory() -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max locked memory")).unwrap_or_default();
    let soft = limit.split_whitespace().next().unwrap_or_default();
    is_root || soft == "unlimited" || soft.parse().is_ok_and(|bytes: u64| bytes >= 128 << 20)
}

fn maps_allowed() -> usize {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(usize::MAX)
}

/// How a run has to end.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) exit: Exit,
    pub(crate) stderr: Vec<Regex>,
    pub(crate) detail: Vec<Regex>,
}

impl Ending {
    const fn silent() -> Ending {
        Ending { exit: Exit::Status(0), stderr: vec![], detail: vec![] }
    }

    /// `silent`, or an exit and, if the program is to say something, a regex for it.
    fn parse(value: &str) -> Result<Ending, String> {
        if value == "silent" {
            return Ok(Ending::silent());
        }
        let (exit, said) = value.split_once(' ').unwrap_or((value, ""));
        let stderr = if said.is_empty() { vec![] } else { vec![whole_line(said)?] };
        Ok(Ending { exit: Exit::parse(exit)?, stderr, detail: vec![] })
    }
}

#[derive(Clone)]
pub(crate) struct Directives {
    pub(crate) ways: Vec<Way>,
    pub(crate) cflags: Vec<String>,
    pub(crate) libs: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) soak_args: Option<Vec<String>>,
    pub(crate) timeout: Duration,
    pub(crate) stdout: Option<Vec<Regex>>,
    pub(crate) ending: Ending,
    pub(crate) levels: Vec<(Level, Ending)>,
    pub(crate) shared: Vec<String>,
    pub(crate) preload_first: Vec<String>,
    pub(crate) preload_last: Vec<String>,
    pub(crate) needs: Option<Need>,
}

impl Directives {
    pub(crate) fn read(source: &Source) -> Result<Directives, String> {
        let path = source.path();
        let text = fs::read_to_string(Path::new(ROOT).join(&path)).map_err(|error| format!("{path}: {error}"))?;
        Self::parse(&text, default_ways(&source.folder)).map_err(|error| format!("{path}:{error}"))
    }

    /// What the leading comment of `text` says.
    fn parse(text: &str, ways: Vec<Way>) -> Result<Directives, String> {
        let mut directives = Directives {
            ways,
            cflags: vec![],
            libs: vec![],
            env: vec![],
            args: vec![],
            soak_args: None,
            timeout: Duration::from_secs(60),
            stdout: None,
            ending: Ending::silent(),
            levels: vec![],
            shared: vec![],
            preload_first: vec![],
            preload_last: vec![],
            needs: None,
        };
        for (number, line) in text.lines().enumerate() {
            let Some(comment) = line.strip_prefix("//") else {
                if line.is_empty() {
                    continue;
                }
                break;
            };
            if let Some((key, value)) = directive(comment) {
                directives.set(key, value).map_err(|error| format!("{}: {error}", number + 1))?;
            }
        }
        directives.check().map_err(|error| format!(" {error}"))?;
        Ok(directives)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if let Some(level) = Level::ALL.into_iter().find(|level| level.name() == key) {
            self.levels.push((level, Ending::parse(value)?));
            return Ok(());
        }
        match key {
            "ways" => self.ways = words(value).iter().map(|word| way(word)).collect::<Result<_, _>>()?,
            "cflags" => self.cflags.extend(words(value)),
            "libs" => self.libs.extend(words(value)),
            "env" if value.contains('=') => self.env.push(value.to_owned()),
            "args" => self.args = words(value),
            "soak-args" => self.soak_args = Some(words(value)),
            "timeout" => self.timeout = Duration::from_secs(number(value)?),
            "exit" => self.ending.exit = Exit::parse(value)?,
            "stdout" => self.stdout.get_or_insert_default().push(whole_line(value)?),
            "stderr" => self.ending.stderr.push(whole_line(value)?),
            "detail" => {
                let ending = self.levels.last_mut().map_or(&mut self.ending, |(_, ending)| ending);
                ending.detail.push(regex(value)?);
            }
            "needs" => self.needs = Some(Need::parse(value)?),
            "shared" => self.shared.extend(words(value)),
            "preload-also" => match value.split_once(' ') {
                Some((name, "first")) => self.preload_first.push(name.to_owned()),
                Some((name, "last")) => self.preload_last.push(name.to_owned()),
                _ => return Err(format!("`{value}` is not `name first` or `name last`")),
            },
            _ => return Err(format!("`{key}: {value}` is no directive")),
        }
        Ok(())
    }

    /// The runs that judge the program, in each way: one, or one for each level.
    pub(crate) fn runs(&self) -> Vec<(Option<Level>, Ending)> {
        match self.levels.as_slice() {
            [] => vec![(None, self.ending.clone())],
            levels => levels.iter().map(|(level, ending)| (Some(*level), ending.clone())).collect(),
        }
    }

    /// The environment of a run at `level`, whose options come after the program's own.
    pub(crate) fn environment(&self, level: Option<Level>) -> Vec<String> {
        let mut environment = self.env.clone();
        let Some(options) = level.and_then(Level::options) else { return environment };
        match environment.iter_mut().find(|word| word.starts_with("METES_OPTIONS=")) {
            Some(own) => *own = format!("{own},{options}"),
            None => environment.push(format!("METES_OPTIONS={options}")),
        }
        environment
    }

    fn check(&self) -> Result<(), String> {
        if self.ways.is_empty() {
            return Err("this folder has no default ways, so `ways:` is needed".to_owned());
        }
        if !self.levels.is_empty() && (self.ending.exit != Exit::Status(0) || !self.ending.stderr.is_empty()) {
            return Err("`exit:` or `stderr:` beside levels, which have their own".to_owned());
        }
        for (index, (level, _)) in self.levels.iter().enumerate() {
            if self.levels[..index].iter().any(|(other, _)| other == level) {
                return Err(format!("`{}:` twice", level.name()));
            }
        }
        for name in self.preload_first.iter().chain(&self.preload_last) {
            if !self.shared.iter().any(|file| library_stem(file) == name) {
                return Err(format!("`preload-also: {name}` without a `shared: {name}.c`"));
            }
        }
        Ok(())
    }
}

/// `key: value`, where the key is one word. Anything else is prose. A misspelt key is a directive too, so that it is
/// noticed.
fn directive(comment: &str) -> Option<(&str, &str)> {
    let (key, value) = comment.trim().split_once(':')?;
    let is_word = key.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    (is_word && !key.is_empty()).then_some((key, value.trim()))
}

pub(crate) fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

fn way(word: &str) -> Result<Way, String> {
    let found = Way::ALL.into_iter().find(|way| way.name() == word);
    found.ok_or_else(|| format!("`{word}` is no way"))
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{value}` is no number"))
}

fn whole_line(pattern: &str) -> Result<Regex, String> {
    regex(&format!("^(?:{pattern})$"))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| error.to_string())
}

pub(crate) fn library_stem(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

pub(crate) fn is_soak() -> bool {
    env::var("METES_SOAK").is_ok_and(|value| value == "1")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Status(i32),
    Signal(i32),
}

impl Exit {
    const SIGNALS: [(&str, i32); 8] = [
        ("SIGILL", 4),
        ("SIGTRAP", 5),
        ("SIGABRT", 6),
        ("SIGBUS", 7),
        ("SIGFPE", 8),
        ("SIGKILL", 9),
        ("SIGSEGV", 11),
        ("SIGALRM", 14),
    ];

    fn parse(value: &str) -> Result<Exit, String> {
        match Self::SIGNALS.iter().find(|(name, _)| *name == value) {
            Some(&(_, signal)) => Ok(Exit::Signal(signal)),
            None => value.parse().map(Exit::Status).map_err(|_| format!("`{value}` is no exit status or signal")),
        }
    }

    pub(crate) fn of(status: ExitStatus) -> Exit {
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Status(code),
            (None, signal) => Exit::Signal(signal.unwrap_or_default()),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Exit::Status(code) => format!("status {code}"),
            Exit::Signal(signal) => match Self::SIGNALS.iter().find(|(_, it)| it == signal) {
                Some((name, _)) => (*name).to_owned(),
                None => format!("signal {signal}"),
            },
        }
    }
}

// ---- the tests of this file, as trials: `c_programs` has a harness of its own

pub(crate) const TRIALS: [(&str, fn()); 5] = [
    ("no levels", no_levels),
    ("levels", levels),
    ("detail goes to the level before it", detail_goes_to_the_level_before_it),
    ("options are joined", options_are_joined),
    ("what is wrong is named", what_is_wrong_is_named),
];

fn parsed(text: &str) -> Directives {
    Directives::parse(text, vec![Way::So]).unwrap_or_else(|error| panic!("{error}"))
}

fn no_levels() {
    let directives = parsed(
        "// Says so.\n// stderr: metes: .*\n// detail: in main\n// exit: SIGABRT\n\n// env: A=b\nint x;\n// no: key\n",
    );
    let runs = directives.runs();
    let [(None, ending)] = runs.as_slice() else { panic!("{} runs", runs.len()) };
    assert_eq!(ending.exit, Exit::Signal(6));
    assert_eq!((ending.stderr.len(), ending.detail.len()), (1, 1));
    assert_eq!(directives.environment(None), ["A=b"]);
}

fn levels() {
    let directives =
        parsed("// default: silent\n// full: SIGABRT metes: M001 .*\n// guard: SIGSEGV\n// debug: 3 metes: a b\n");
    let runs = directives.runs();
    let exits: Vec<_> = runs.iter().map(|(level, ending)| (*level, ending.exit.clone())).collect();
    let expected = [
        (Some(Level::Default), Exit::Status(0)),
        (Some(Level::Full), Exit::Signal(6)),
        (Some(Level::Guard), Exit::Signal(11)),
        (Some(Level::Debug), Exit::Status(3)),
    ];
    assert_eq!(exits, expected);
    assert!(runs[0].1.stderr.is_empty() && runs[2].1.stderr.is_empty());
    assert!(runs[1].1.stderr[0].is_match("metes: M001 double free"));
    assert!(runs[3].1.stderr[0].is_match("metes: a b") && !runs[3].1.stderr[0].is_match("metes: a bc"));
}

fn detail_goes_to_the_level_before_it() {
    let directives = parsed("// full: SIGABRT metes: .*\n// debug: SIGABRT metes: .*\n// detail: freed in\n");
    let details: Vec<_> = directives.runs().iter().map(|(_, ending)| ending.detail.len()).collect();
    assert_eq!(details, [0, 1]);
}

fn options_are_joined() {
    let directives = parsed("// env: METES_OPTIONS=slabs=off\n// full: silent\n");
    assert_eq!(directives.environment(Some(Level::Full)), ["METES_OPTIONS=slabs=off,checks=full"]);
    assert_eq!(directives.environment(Some(Level::Default)), ["METES_OPTIONS=slabs=off"]);
    assert_eq!(parsed("// guard: silent\n").environment(Some(Level::Guard)), ["METES_OPTIONS=guard=1"]);
}

fn what_is_wrong_is_named() {
    let error = |text| Directives::parse(text, vec![Way::So]).err().unwrap_or_default();
    assert!(error("// Prose.\n// ful: silent\n").starts_with("2: `ful: silent` is no directive"));
    assert!(error("// full: quiet\n").contains("`quiet` is no exit status or signal"));
    assert!(error("// full: silent\n// full: silent\n").contains("`full:` twice"));
    assert!(error("// full: silent\n// stderr: x\n").contains("beside levels"));
    assert!(error("// exit: 1\n// full: silent\n").contains("beside levels"));
    assert!(Directives::parse("// full: silent\n", vec![]).is_err());
}
