//! The number of CPUs that the process may use: those that it may run on, limited by the quota of its control groups.
//!
//! | | names the group | holds its quota |
//! |---|---|---|
//! | version 2 | `0::/a/b` in /proc/self/cgroup | `cpu.max`: quota (or `max`) and period |
//! | version 1 | `3:cpu,cpuacct:/a/b` | `cpu.cfs_quota_us` (or -1) and `cpu.cfs_period_us` |
//!
//! A group's quota holds for all groups inside it, so the least quota on the way to the root counts. In
//! a container the path may be the host's, which does not exist there, or may start outside the visible
//! tree. Then only the root is read, which is the container's own group.

use super::env::for_each_piece_in;
use crate::base::line::Line;
use crate::sys::calls;
use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Where the groups of each version are mounted.
const MOUNTS_2: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const MOUNTS_1: [&str; 2] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"];

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The number of CPUs that the process may use, at least 1. The kernel is asked once.
pub fn count() -> usize {
    match COUNT.load(Ordering::Relaxed) {
        0 => {
            let count = ask();
            COUNT.store(count, Ordering::Relaxed);
            count
        }
        count => count,
    }
}

#[cold]
#[inline(never)]
fn ask() -> usize {
    // Either thread, the calling or the main one, may be bound to one CPU while others are not.
    let may_run = calls::affinity(0).max(calls::affinity(calls::process_id())).max(1);
    // With one CPU there is nothing to learn.
    if may_run == 1 { 1 } else { quota("").map_or(may_run, |quota| quota.min(may_run)) }
}

/// The quota of the process's groups in CPUs, rounded up; `None` if no quota is visible. Each path starts with `root`.
fn quota(root: &str) -> Option<usize> {
    let mut least = None;
    with_path(&[root, "/proc/self/cgroup"], |path| {
        for_each_piece_in(&mut [0; 1024], path, b'\n', &mut |line| {
            if let Some((version, group)) = group_in(line) {
                least = least_of(least, quota_of(root, version, group));
            }
            false
        });
    });
    least
}

fn least_of(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    a.into_iter().chain(b).min()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    One,
    Two,
}

/// The version and the path of the group in a line of /proc/self/cgroup, without a slash at its end.
/// `None` if the line is not about CPUs.
fn group_in(line: &[u8]) -> Option<(Version, &str)> {
    let mut fields = core::str::from_utf8(line).ok()?.splitn(3, ':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let version = match (number, controllers) {
        ("0", "") => Version::Two,
        _ if controllers.split(',').any(|controller| controller == "cpu") => Version::One,
        _ => return None,
    };
    let outside = path.split('/').any(|name| name == "..");
    Some((version, if outside { "" } else { path.trim_end_matches('/') }))
}

/// The least quota of a group and the groups around it.
fn quota_of(root: &str, version: Version, group: &str) -> Option<usize> {
    let mounts = if version == Version::Two { MOUNTS_2 } else { MOUNTS_1 };
    let mut least = None;
    for mount in mounts {
        let mut group = group;
        loop {
            let own = match version {
                Version::Two => first_line(&[root, mount, group, "/cpu.max"], parse_max),
                Version::One => {
                    let file = |name| first_line(&[root, mount, group, name], parse_number);
                    file("/cpu.cfs_quota_us").and_then(|quota| Some(cpus_of(quota, file("/cpu.cfs_period_us")?)))
                }
            };
            least = least_of(least, own);
            match group.rfind('/') {
                Some(end) => group = &group[..end],
                None => break,
            }
        }
    }
    least
}

/// Parses `150000 100000` or `max 100000`.
fn parse_max(text: &str) -> Option<usize> {
    let (quota, period) = text.split_once(' ')?;
    Some(cpus_of(parse_number(quota)?, parse_number(period)?))
}

/// Parses a number above 0.
fn parse_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&number| number != 0)
}

fn cpus_of(quota: usize, period: usize) -> usize {
    quota.div_ceil(period)
}

/// The result of `parse` for the first line of a file.
fn first_line(path: &[&str], parse: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    let mut value = None;
    with_path(path, |path| {
        for_each_piece_in(&mut [0; 64], path, b'\n', &mut |line| {
            value = core::str::from_utf8(line).ok().and_then(&parse);
            true
        });
    });
    value
}

/// Calls `f` with the path made of `parts`, unless it is too long.
fn with_path(parts: &[&str], f: impl FnOnce(&CStr)) {
    let mut path = Line::<640>::new();
    parts.iter().for_each(|part| path.push(part.as_bytes()));
    path.push(&[0]);
    // A path that was cut has no zero at its end.
    if let Ok(path) = CStr::from_bytes_with_nul(path.as_bytes()) {
        f(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::string::String;
    use std::{format, fs};

    #[test]
    fn finds_the_groups_that_are_about_cpus() {
        assert_eq!(group_in(b"0::/"), Some((Version::Two, "")));
        assert_eq!(group_in(b"0::/user.slice/a:b"), Some((Version::Two, "/user.slice/a:b")));
        assert_eq!(group_in(b"4:cpu,cpuacct:/docker/1f"), Some((Version::One, "/docker/1f")));
        assert_eq!(group_in(b"12:cpuacct,cpu:/"), Some((Version::One, "")));
        assert_eq!(group_in(b"0::/../other"), Some((Version::Two, "")));
        for other in
            ["3:cpuset:/", "2:cpuacct:/x", "1:name=systemd:/", "rubbish", "", "0:", "0::\u{ff}x:"].map(str::as_bytes)
        {
            assert!(group_in(other).is_none_or(|(version, _)| version == Version::Two), "{other:?}");
        }
        assert_eq!(group_in(b"0::/\xff"), None);
    }

    #[test]
    fn rounds_quotas_up() {
        assert_eq!(parse_max("max 100000"), None);
        assert_eq!(parse_max("100000 100000"), Some(1));
        assert_eq!(parse_max("100001 100000"), Some(2));
        assert_eq!(parse_max("1000 100000"), Some(1));
        assert_eq!(parse_max("800000 100000"), Some(8));
        for bad in ["", "1", "0 100000", "100000 0", "-1 100000", "x y", "1 2 3", "99999999999999999999 1"] {
            assert_eq!(parse_max(bad), None, "{bad}");
        }
    }

    /// A root directory of the test's own.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, groups: &str) -> Self {
            let root = Self(std::env::temp_dir().join(format!("metes-cpus-{}-{name}", std::process::id())));
            root.write("proc/self/cgroup", groups);
            root
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }

        fn quota(&self) -> Option<usize> {
            quota(self.0.to_str().unwrap())
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn the_least_quota_on_the_way_to_the_root_counts() {
        let root = Root::new("two", "0::/a/b/c");
        assert_eq!(root.quota(), None);
        root.write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000");
        assert_eq!(root.quota(), None);
        root.write("sys/fs/cgroup/a/b/c/cpu.max", "600000 100000");
        assert_eq!(root.quota(), Some(6));
        root.write("sys/fs/cgroup/a/cpu.max", "250000 100000");
        assert_eq!(root.quota(), Some(3));
        root.write("sys/fs/cgroup/a/b/cpu.max", "rubbish");
        assert_eq!(root.quota(), Some(3));
        root.write("sys/fs/cgroup/cpu.max", "10000 100000");
        assert_eq!(root.quota(), Some(1));
        // The quota of another group does not count.
        root.write("proc/self/cgroup", "0::/d");
        root.write("sys/fs/cgroup/cpu.max", "max 100000");
        assert_eq!(root.quota(), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn the_first_version_has_two_files() {
        let groups = "9:name=systemd:/x\n4:memory:/x\n3:cpu,cpuacct:/docker/12\n0::/";
        let root = Root::new("one", groups);
        let group = "sys/fs/cgroup/cpu,cpuacct/docker/12";
        root.write(&format!("{group}/cpu.cfs_quota_us"), "150000");
        assert_eq!(root.quota(), None, "a quota without a period");
        root.write(&format!("{group}/cpu.cfs_period_us"), "50000");
        assert_eq!(root.quota(), Some(3));
        root.write(&format!("{group}/cpu.cfs_quota_us"), "-1");
        assert_eq!(root.quota(), None);
        root.write("sys/fs/cgroup/unified/cpu.max", "200000 100000");
        assert_eq!(root.quota(), Some(2), "both versions at once");
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn in_a_container_the_root_is_its_group() {
        for path in ["/kubepods/pod1/2", "/../../elsewhere", "/"] {
            let root = Root::new("container", &format!("2:cpu:{path}"));
            root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
            root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
            assert_eq!(root.quota(), Some(1), "{path}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn what_is_too_long_is_passed_over() {
        let long = String::from_iter(core::iter::repeat_n("/abcdefghi", 90));
        let root = Root::new("long", &format!("0::{long}\n1:cpu:/a"));
        root.write("sys/fs/cgroup/cpu.max", "300000 100000");
        assert_eq!(root.quota(), Some(3), "the paths that are short enough");
        root.write("proc/self/cgroup", &format!("0::{long}{long}\n1:cpu:/a"));
        root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "400000");
        root.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000");
        assert_eq!(root.quota(), Some(4), "the lines that are short enough");
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn there_is_a_cpu() {
        assert!(count() >= 1 && count() == count());
    }
}
