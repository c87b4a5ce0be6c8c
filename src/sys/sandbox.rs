//! Sandboxes: whether the calling thread may be in a filter of system calls that kills for a call which
//! a plain malloc never makes.
//!
//! No call that tells this is safe in every filter. The calls that know about filters (prctl, seccomp)
//! are the first for which a tight filter kills. The loader and the libc's own malloc open files, so
//! filters allow that, or answer with an error. If no file can be opened, the answer is yes.
//!
//! A filter that was there when the program started, such as a container's or a service's, lets programs and threads
//! start. The filter that kills is the one that a program sets around itself once it knows all the calls that it will
//! ever make. Such a program has given up, by its own wish, the right to more privileges, because a filter needs that.
//! It also has more filters than the first process that it sees, which in a container is in the container's filter.

use super::env::for_each_piece_in;
use core::ffi::CStr;

/// The kernel's information about a thread. A missing value is zero.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Status {
    no_new_privileges: usize,
    mode: usize,
    filters: usize,
}

/// The mode of a thread whose calls are filtered.
const FILTERED: usize = 2;

/// Whether the calling thread may be in a filter that its own program has set.
pub fn is_closed() -> bool {
    closed(status(c"/proc/thread-self/status"), || status(c"/proc/1/status"))
}

fn closed(mine: Option<Status>, first: impl FnOnce() -> Option<Status>) -> bool {
    let Some(mine) = mine else { return true };
    if mine.mode != FILTERED || mine.no_new_privileges == 0 {
        return false;
    }
    // Kernels before 5.9 do not count the filters.
    mine.filters == 0 || first().is_none_or(|first| first.filters < mine.filters)
}

fn status(path: &CStr) -> Option<Status> {
    let mut status = Status::default();
    let read = for_each_piece_in(&mut [0; 1024], path, b'\n', &mut |line| {
        note(&mut status, line);
        false
    });
    read.then_some(status)
}

fn note(status: &mut Status, line: &[u8]) {
    let Some((name, value)) = core::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else { return };
    let field = match name {
        "NoNewPrivs" => &mut status.no_new_privileges,
        "Seccomp" => &mut status.mode,
        "Seccomp_filters" => &mut status.filters,
        _ => return,
    };
    *field = value.trim().parse().unwrap_or(usize::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let mut status = Status::default();
        let text = b"Name:\tx:Seccomp:\t1\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t13\nx\n";
        text.split(|&byte| byte == b'\n').for_each(|line| note(&mut status, line));
        assert_eq!(status, Status { no_new_privileges: 1, mode: 2, filters: 13 });
        note(&mut status, b"Seccomp:\trubbish");
        assert_eq!(status.mode, usize::MAX);
    }

    #[test]
    fn only_a_filter_of_the_programs_own_closes() {
        let none = || None;
        let status = |no_new_privileges, mode, filters| Some(Status { no_new_privileges, mode, filters });
        let first = |filters| move || status(0, FILTERED, filters);
        assert!(!closed(status(0, 0, 0), none), "no filter");
        assert!(closed(None, none), "nothing can be opened");
        assert!(!closed(status(0, FILTERED, 1), first(0)), "set by somebody with privileges");
        assert!(!closed(status(1, FILTERED, 1), first(1)), "a container's");
        assert!(closed(status(1, FILTERED, 2), first(1)), "its own in a container");
        assert!(closed(status(1, FILTERED, 1), first(0)), "its own, or a service's");
        assert!(closed(status(1, FILTERED, 1), none), "the first process is not to be seen");
        assert!(closed(status(1, FILTERED, 0), first(0)), "not counted");
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn this_process_has_a_status() {
        assert!(status(c"/proc/thread-self/status").is_some());
        assert_eq!(status(c"/proc/thread-self/no such file"), None);
    }
}
