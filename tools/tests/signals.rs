//! `metes run`: signals, stops and ends. Each test waits for what the program says, and never for a time.

mod common;

use common::{Place, metes};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// Says which signals it gets, and ends with the one that it was given.
const TELLS: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    sigset_t all;
    int signal;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (puts("ready"); sigwait(&all, &signal) == 0; printf("%d\n", signal))
        if (signal == atoi(argv[1]))
            return 9;
    return 1;
}
"#;

fn kill(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

fn start(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn line(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn signals_are_passed_on() {
    let place = Place::new();
    let program = place.program("tells.c", TELLS, &[]);
    fs::create_dir(place.path("temporary")).unwrap();
    let mut command = metes(&["run", "--", program.to_str().unwrap(), "2"]);
    let (mut child, mut out) = start(command.env("TMPDIR", place.path("temporary")));
    assert_eq!(line(&mut out), "ready");
    for signal in
        [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH, libc::SIGQUIT, libc::SIGALRM, 40]
    {
        kill(&format!("-{signal}"), child.id());
        assert_eq!(line(&mut out), signal.to_string());
    }
    kill("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(fs::read_dir(place.path("temporary")).unwrap().count(), 0);
}

#[test]
fn a_signal_that_ends_the_program_ends_the_tool() {
    let place = Place::new();
    for (signal, number) in
        [("-TERM", 15), ("-KILL", 9), ("-USR2", 12), ("-SEGV", 11), ("-HUP", 1), ("-PIPE", 13), ("-40", 40)]
    {
        let script = format!("kill {signal} $$");
        let status = metes(&["run", "--", "sh", "-c", &script]).env("TMPDIR", place.path("")).status().unwrap();
        assert_eq!(status.signal(), Some(number), "{signal}: {status:?}");
        assert!(place.names().is_empty(), "{signal}: {:?}", place.names());
    }
}

#[test]
fn a_shell_sees_the_status_of_a_signal() {
    let script = "\"$0\" run -- sh -c 'kill -TERM $$'; echo $?; \"$0\" run -- sh -c 'exit 200'; echo $?";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_metes")]).env("METES_LIBRARY", common::library());
    let output = command.env_remove("LD_PRELOAD").env_remove("METES_OPTIONS").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "143\n200\n");
}

#[test]
fn it_stops_when_the_program_stops_and_goes_on_with_it() {
    let (mut child, mut out) = start(&mut metes(&["run", "--", "sh", "-c", "echo ready; kill -STOP $$; echo again"]));
    assert_eq!(line(&mut out), "ready");
    let process = i32::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: waits for the child, which is not waited for by anything else until it has ended.
    #[allow(unsafe_code)]
    let stopped = unsafe { libc::waitpid(process, &raw mut status, libc::WUNTRACED) };
    assert!(stopped == process && libc::WIFSTOPPED(status), "{status:#x}");
    // To the tool alone: it has the program go on.
    kill("-CONT", child.id());
    assert_eq!(line(&mut out), "again");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_ignored_and_blocked_before_stays_so() {
    // As under nohup: the signal reaches neither.
    let script = "trap '' HUP; exec \"$0\" run -- sh -c 'kill -HUP $PPID; kill -HUP $$; echo alive'";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_metes")]).env("METES_LIBRARY", common::library());
    let output = command.env_remove("LD_PRELOAD").env_remove("METES_OPTIONS").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alive\n");
    // No signal is blocked in the program that was not blocked for the tool.
    let output = metes(&["run", "--", "grep", "SigBlk", "/proc/self/status"]).output().unwrap();
    let mine = fs::read_to_string("/proc/self/status").unwrap();
    let wanted = mine.lines().find(|line| line.starts_with("SigBlk")).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), wanted);
}

#[test]
fn reports_of_a_program_that_goes_on_come_while_it_runs() {
    let place = Place::new();
    let text = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) { char *p = malloc(64), c; free(p + 16); return (int)read(0, &c, 1); }\n";
    let program = place.program("goes_on.c", text, &[]);
    let mut command = metes(&["run", "-o", "abort=no", "--", program.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    // The program waits for its input, which stays open.
    while !line(&mut err).ends_with(&format!("main at {}.c:3", program.display())) {}
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("M003"), "{rest}");
}

/// A terminal's two ends.
#[allow(unsafe_code)]
fn terminal() -> (fs::File, fs::File) {
    let mut ends = [0; 2];
    let [ours, theirs] = &mut ends;
    // SAFETY: both descriptors are written, and owned from then on.
    unsafe {
        let none = std::ptr::null_mut::<libc::c_char>();
        assert_eq!(libc::openpty(ours, theirs, none, std::ptr::null(), std::ptr::null()), 0);
        (fs::File::from_raw_fd(ends[0]), fs::File::from_raw_fd(ends[1]))
    }
}

#[test]
#[allow(unsafe_code)]
fn keys_of_the_terminal_reach_the_program() {
    let place = Place::new();
    let program = place.program("tells.c", TELLS, &[]);
    let (mut ours, theirs) = terminal();
    let mut command = metes(&["run", "--", program.to_str().unwrap(), "15"]);
    command.stdin(theirs).stdout(Stdio::piped());
    // SAFETY: these calls may be made between fork and exec. The session gets its standard input as its terminal.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut out), "ready");
    for (key, signal) in [(b"\x03", "2"), (b"\x1c", "3"), (b"\x1a", "20"), (b"\x03", "2")] {
        ours.write_all(key).unwrap();
        assert_eq!(line(&mut out), signal);
    }
    kill("-TERM", child.id());
    assert_eq!(line(&mut out), "");
    assert_eq!(child.wait().unwrap().code(), Some(9));
}
