//! What a program's leading comment says about building, running and judging
//! it. The keys are listed in `c_programs.rs`.

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
    Plain,
}

impl Way {
    const ALL: [Way; 6] = [Way::So, Way::A, Way::Static, Way::Preload, Way::Valgrind, Way::Plain];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::So => "so",
            Way::A => "a",
            Way::Static => "static",
            Way::Preload => "preload",
            Way::Valgrind => "valgrind",
            Way::Plain => "plain",
        }
    }

    pub(crate) fn preloads_metes(self) -> bool {
        matches!(self, Way::Preload | Way::Valgrind)
    }
}

/// Nothing for a folder that is not known.
fn default_ways(folder: &str) -> Vec<Way> {
    match folder {
        "api" => vec![Way::So, Way::A, Way::Preload],
        "guard" => vec![Way::So, Way::Preload],
        "misuse" => vec![Way::So],
        "stress" => vec![Way::So, Way::Preload],
        "preload" | "limits" => vec![Way::Preload],
        _ => vec![],
    }
}

/// What not every machine allows.
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

    /// What is missing here, if anything.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let (is_there, what) = match self {
            Need::CpuQuota => (can_make_cpu_quota(), "no control group with a CPU quota can be made"),
            Need::LockedMemory => (can_lock_memory(), "no 128 MiB may be locked"),
            Need::FewMaps => (maps_allowed() <= 140_000, "more than 140,000 memory maps are allowed"),
        };
        (!is_there).then_some(what)
    }
}

/// Whether control groups may be made here, and there are CPUs to share out.
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

#[derive(Clone)]
pub(crate) struct Directives {
    pub(crate) ways: Vec<Way>,
    pub(crate) cflags: Vec<String>,
    pub(crate) libs: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) soak_args: Option<Vec<String>>,
    pub(crate) timeout: Duration,
    pub(crate) exit: Exit,
    pub(crate) stdout: Option<Vec<Regex>>,
    pub(crate) stderr: Vec<Regex>,
    pub(crate) shared: Vec<String>,
    pub(crate) preload_first: Vec<String>,
    pub(crate) preload_last: Vec<String>,
    pub(crate) needs: Option<Need>,
}

impl Directives {
    pub(crate) fn read(source: &Source) -> Result<Directives, String> {
        let path = source.path();
        let text = fs::read_to_string(Path::new(ROOT).join(&path)).map_err(|error| format!("{path}: {error}"))?;
        let mut directives = Directives {
            ways: default_ways(&source.folder),
            cflags: vec![],
            libs: vec![],
            env: vec![],
            args: vec![],
            soak_args: None,
            timeout: Duration::from_secs(60),
            exit: Exit::Status(0),
            stdout: None,
            stderr: vec![],
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
                directives.set(key, value).map_err(|error| format!("{path}:{}: {error}", number + 1))?;
            }
        }
        directives.check().map_err(|error| format!("{path}: {error}"))?;
        Ok(directives)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ways" => self.ways = words(value).iter().map(|word| way(word)).collect::<Result<_, _>>()?,
            "cflags" => self.cflags.extend(words(value)),
            "libs" => self.libs.extend(words(value)),
            "env" if value.contains('=') => self.env.push(value.to_owned()),
            "args" => self.args = words(value),
            "soak-args" => self.soak_args = Some(words(value)),
            "timeout" => self.timeout = Duration::from_secs(number(value)?),
            "exit" => self.exit = Exit::parse(value)?,
            "stdout" => self.stdout.get_or_insert_default().push(whole_line(value)?),
            "stderr" => self.stderr.push(whole_line(value)?),
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

    fn check(&self) -> Result<(), String> {
        if self.ways.is_empty() {
            return Err("this folder has no default ways, so `ways:` is needed".to_owned());
        }
        for name in self.preload_first.iter().chain(&self.preload_last) {
            if !self.shared.iter().any(|file| library_stem(file) == name) {
                return Err(format!("`preload-also: {name}` without a `shared: {name}.c`"));
            }
        }
        Ok(())
    }
}

/// `key: value`, where the key is one word: anything else is prose. A
/// misspelt key is still a directive, so that it is noticed.
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
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())
}

pub(crate) fn library_stem(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

pub(crate) fn is_soak() -> bool {
    env::var("METES_SOAK").is_ok_and(|value| value == "1")
}

#[derive(Clone, PartialEq, Eq)]
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
