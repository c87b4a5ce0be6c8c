//! The machine, as far as a heap depends on it.

#![allow(unsafe_code)]

use super::findings::Findings;
use std::fs;
use std::path::Path;

/// Fewer mappings than the kernel's default are few for a program with many large blocks.
const MAPPINGS: u64 = 65_530;

/// Looks at the machine.
pub fn look(findings: &mut Findings) {
    huge_pages(findings);
    overcommit(findings);
    match number("/proc/sys/vm/max_map_count") {
        Some(most) if most < MAPPINGS => {
            findings.note(
                "mappings",
                format!("vm.max_map_count is {most}"),
                "a heap of many large blocks may need more: sysctl vm.max_map_count=65530",
            );
        }
        Some(most) => findings.ok("mappings", format!("vm.max_map_count is {most}")),
        None => {}
    }
    for (name, resource) in [("RLIMIT_AS", libc::RLIMIT_AS), ("RLIMIT_DATA", libc::RLIMIT_DATA)] {
        match limit(resource) {
            Some(bytes) => {
                let what = format!("{name} is {}", size(bytes));
                findings.note("limits", what, "metes takes address space in pieces of 2 MiB and more, and a growing block may need room for both copies");
            }
            None => findings.ok("limits", format!("{name} is unlimited")),
        }
    }
    control_group(findings);
    ptrace(findings);
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

/// A number of bytes, as a person reads it.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|&(unit, _)| bytes >= unit);
    unit.map_or(format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

fn huge_pages(findings: &mut Findings) {
    let Some(modes) = text("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return findings.note("huge pages", "the kernel has none", "");
    };
    let mode = modes.split(['[', ']']).nth(1).unwrap_or("?");
    match mode {
        "madvise" => findings.ok("huge pages", "given to memory that asks: metes asks for what is dense (thp=)"),
        "always" => findings.note(
            "huge pages",
            "given unasked",
            "metes keeps sparse memory out with thp=never; madvise is the mode that saves memory",
        ),
        _ => findings.note("huge pages", format!("the mode is {mode}"), "thp= has no effect"),
    }
}

fn overcommit(findings: &mut Findings) {
    match number("/proc/sys/vm/overcommit_memory") {
        Some(2) => {
            let info = text("/proc/meminfo").unwrap_or_default();
            let kilobytes = |name: &str| {
                let line = info.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok()
            };
            let (limit, used) = (kilobytes("CommitLimit").unwrap_or(0), kilobytes("Committed_AS").unwrap_or(0));
            let what = format!("strict: {} of {} are promised", size(used << 10), size(limit << 10));
            findings.note(
                "overcommit",
                what,
                "memory that was taken and not used counts too: limit= bounds what metes takes",
            );
        }
        Some(1) => findings.ok("overcommit", "the kernel promises all that is asked for"),
        _ => findings.ok("overcommit", "the kernel promises what is likely to be there"),
    }
}

/// The soft limit; `None` if there is none.
fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes both limits.
    let done = unsafe { libc::getrlimit(resource, &raw mut limits) };
    (done == 0 && limits.rlim_cur != libc::RLIM_INFINITY).then_some(limits.rlim_cur)
}

/// The tightest memory limit and CPU quota of this process's control groups (version 2; of version 1 those of its own).
fn control_group(findings: &mut Findings) {
    let groups = text("/proc/self/cgroup").unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let own = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let chain: Vec<_> = own.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup")).collect();
    let memory = chain.iter().filter_map(|folder| text(folder.join("memory.max"))?.parse::<u64>().ok()).min();
    let quota = chain.iter().filter_map(|folder| {
        let text = text(folder.join("cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    });
    let old = number("/sys/fs/cgroup/memory/memory.limit_in_bytes").filter(|&bytes| bytes < 1 << 60);
    match memory.or(old) {
        Some(bytes) => {
            let what = format!("memory is limited to {}", size(bytes));
            findings.note("control group", what, "past it the kernel kills: limit= has requests fail before that");
        }
        None => findings.ok("control group", "memory is not limited"),
    }
    let old = || {
        Some(
            number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")? as f64
                / number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")? as f64,
        )
    };
    match quota.reduce(f64::min).or_else(old) {
        Some(cpus) => findings.note(
            "control group",
            format!("the CPU quota is {cpus:.2} CPUs"),
            "metes has as many arenas, rounded up",
        ),
        None => findings.ok("control group", "there is no CPU quota"),
    }
}

fn ptrace(findings: &mut Findings) {
    match number("/proc/sys/kernel/yama/ptrace_scope") {
        None | Some(0) => findings.ok("attaching", "a user's processes may be attached to"),
        Some(1) => findings.note(
            "attaching",
            "yama lets a process attach to its children alone",
            "gdb -p takes root, or sysctl kernel.yama.ptrace_scope=0",
        ),
        Some(2) => findings.note("attaching", "yama lets root alone attach to a process", "use sudo"),
        Some(_) => {
            findings.note("attaching", "yama lets nobody attach to a process", "start programs under the debugger");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_largest_unit() {
        assert_eq!(
            (size(5), size(2048), size(3 << 20), size(5 << 30)),
            ("5 bytes".into(), "2 KiB".into(), "3 MiB".into(), "5 GiB".into())
        );
    }
}
