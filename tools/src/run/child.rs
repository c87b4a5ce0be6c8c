//! A program as a child that stands for this process: signals are passed on to it, this process stops when it stops, and
//! ends as it ends. It stays in this process group, so the terminal is the child's as much as this process's.

#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::ptr::null_mut;

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Status(u8),
    /// By this signal.
    Signal(libc::c_int),
}

/// What was blocked and how children were waited for before this process took signals for its child.
struct Before {
    mask: libc::sigset_t,
    child: libc::sigaction,
}

/// A child that runs.
pub struct Child {
    process: libc::pid_t,
    signals: libc::sigset_t,
}

/// Signals that are not for passing on: of children, or faults of this process itself.
const OWN: [libc::c_int; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGPIPE,
];

/// Signals that wait from now on until `Child::wait` takes them. Threads that are made later block them too.
pub struct Signals {
    taken: libc::sigset_t,
    before: Before,
}

impl Signals {
    /// Takes all signals that can be passed on.
    pub fn take() -> Self {
        // SAFETY: sets of signals are plain words, and all calls have valid pointers.
        unsafe {
            let mut taken: libc::sigset_t = zeroed();
            libc::sigfillset(&raw mut taken);
            OWN.iter().for_each(|&signal| _ = libc::sigdelset(&raw mut taken, signal));
            let mut before = Before { mask: zeroed(), child: zeroed() };
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const taken, &raw mut before.mask);
            // A parent that ignores its children has this process forget them as well.
            let mut usual: libc::sigaction = zeroed();
            usual.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(libc::SIGCHLD, &raw const usual, &raw mut before.child);
            Self { taken, before }
        }
    }

    /// Starts a program, for which signals are as they were for this process.
    pub fn start(self, command: &mut Command) -> io::Result<Child> {
        let Before { mask, child } = self.before;
        // SAFETY: between fork and exec it calls functions alone that may be called there.
        unsafe {
            command.pre_exec(move || {
                libc::sigaction(libc::SIGCHLD, &raw const child, null_mut());
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, null_mut());
                Ok(())
            });
        }
        // The standard library's handle is let go: it neither waits nor kills.
        let process = command.spawn()?.id().cast_signed();
        Ok(Child { process, signals: self.taken })
    }
}

impl Child {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.cast_unsigned()
    }

    /// Waits for the end, and passes signals on meanwhile.
    pub fn wait(&self) -> End {
        loop {
            if let Some(end) = self.look() {
                return end;
            }
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
            // SAFETY: the set and the place for the answer are valid; the kernel fills the answer if it returns a signal.
            let (signal, info) = unsafe {
                let signal = libc::sigwaitinfo(&raw const self.signals, info.as_mut_ptr());
                (signal, info.assume_init())
            };
            if signal > 0 && signal != libc::SIGCHLD && self.is_to_be_passed_on(&info) {
                // SAFETY: the child is this process's, and not waited for yet.
                unsafe { libc::kill(self.process, signal) };
            }
        }
    }

    /// What the terminal sends goes to the child as well, which is in the same group. What the child sends to its group
    /// it has got itself.
    fn is_to_be_passed_on(&self, info: &libc::siginfo_t) -> bool {
        // SAFETY: the field is there for signals that a process has sent, and zero for others.
        let sender = unsafe { info.si_pid() };
        info.si_code <= 0 && sender != self.process
    }

    /// Looks whether the child has ended. If it was stopped, this process stops too until it is told to go on.
    fn look(&self) -> Option<End> {
        loop {
            let mut status = 0;
            // SAFETY: the status is written if a child is returned.
            let found = unsafe { libc::waitpid(self.process, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
            if found <= 0 {
                return None;
            }
            if libc::WIFEXITED(status) {
                return Some(End::Status(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)));
            }
            if libc::WIFSIGNALED(status) {
                return Some(End::Signal(libc::WTERMSIG(status)));
            }
            // SAFETY: stops this process. When it goes on, the child goes on.
            unsafe {
                libc::raise(libc::SIGSTOP);
                libc::kill(self.process, libc::SIGCONT);
            }
        }
    }
}

impl End {
    /// Ends this process in the same way: returns the exit status, or does not return.
    pub fn follow(self) -> ExitCode {
        let signal = match self {
            Self::Status(status) => return ExitCode::from(status),
            Self::Signal(signal) => signal,
        };
        // SAFETY: no core of this process is wanted, it says nothing of the program. Then the signal gets its usual
        // effect, which is to end the process.
        unsafe {
            libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
            libc::signal(signal, libc::SIG_DFL);
            let mut set: libc::sigset_t = zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, null_mut());
            libc::raise(signal);
        }
        // The first process of a container is not ended by a signal of its own.
        ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_has_got_itself_is_not_passed_on() {
        // SAFETY: plain words. The sender of a zeroed one is process 0.
        let (signals, mut info) = unsafe { (zeroed(), zeroed::<libc::siginfo_t>()) };
        let passed_on = |process, info: &libc::siginfo_t| Child { process, signals }.is_to_be_passed_on(info);
        info.si_code = libc::SI_USER;
        assert!(passed_on(7, &info) && !passed_on(0, &info));
        info.si_code = libc::SI_QUEUE;
        assert!(passed_on(7, &info));
        // A key of the terminal, whose signal goes to all in the group.
        info.si_code = libc::SI_KERNEL;
        assert!(!passed_on(7, &info));
    }

    #[test]
    fn a_status_is_passed_on_as_it_is() {
        assert_eq!(End::Status(200).follow(), ExitCode::from(200));
    }
}
