//! Builds and runs every C and C++ program under `c_tests/`. There is one test for each program, each way of bringing
//! metes in, and each level that the program names. The ways:
//!
//! | way        | built                       | run                                  |
//! |------------|-----------------------------|--------------------------------------|
//! | `so`       | linked to libmetes.so       | as it is                             |
//! | `a`        | libmetes.a inside           | as it is                             |
//! | `static`   | the same with -static       | as it is                             |
//! | `preload`  | without metes               | libmetes.so in LD_PRELOAD            |
//! | `valgrind` | without metes               | the same, under memcheck             |
//! | `memcheck` | without metes               | the same, and metes serves           |
//! | `helgrind` | without metes               | the same under helgrind              |
//! | `drd`      | without metes               | the same under drd                   |
//! | `dhat`     | without metes               | the same under dhat                  |
//! | `plain`    | without metes               | as it is: it may dlopen $METES_LIB   |
//!
//! A program's leading comment says what the program expects, as `// key: value`:
//!
//! | key                      | value                                                          |
//! |--------------------------|----------------------------------------------------------------|
//! | `ways`                   | some of the above; the default goes by folder                  |
//! | `cflags`, `libs`         | for the compiler, before and after the source                  |
//! | `env`                    | `NAME=value`; repeatable                                       |
//! | `args`, `soak-args`      | the program's arguments; the latter when METES_SOAK=1          |
//! | `timeout`                | seconds of processor time, or without any, default 60; 20      |
//! |                          | times that when soaking: a busy machine ends no program        |
//! | `exit`                   | `0` (default), another status, or a signal such as `SIGABRT`   |
//! | `stdout`, `stderr`       | a regex for one whole line; repeatable: these lines, no others |
//! | `detail`                 | a regex for a part of some line of detail; repeatable          |
//! | `default`, `full`,       | how a run at that level ends: `silent`, or an exit as above    |
//! | `guard`, `debug`         | and, if it reports, a regex for the one line; a `detail`       |
//! |                          | after a level belongs to that level                            |
//! | `shared`                 | `name.c` in `lib/` beside the source, built as libname.so      |
//! | `needs`                  | `cpu-quota`, `locked-memory`, `few-maps`: skipped without it   |
//! | `preload-also`           | `name first` or `name last`: that one in LD_PRELOAD as well    |
//!
//! A program that cannot do its work on this machine ends with 77 and says why: it is skipped, as is a test whose
//! tool is missing.
//!
//! Without `stderr`, standard error must stay empty; without `stdout`, standard output may have anything. Lines of
//! detail are those of standard error that begin with `metes:` and three blanks: `stderr` and the levels say nothing
//! about them. Valgrind's output counts without its prefix and without empty lines. Its details are indented. A stack
//! is one line, with `; ` between its frames. `Level` says what a level is in METES_OPTIONS.
//!
//! METES_TEST_DIR tells the program where its shared libraries are. It is also the working directory. METES_LIB is the
//! path of libmetes.so.
//!
//! The libraries come from `target/release`, and the programs go to `target/c_tests`. For another machine or libc:
//!
//! - METES_LIB_DIR is where the libraries are, and the programs go there, into `c_tests`.
//! - CC and CXX are the compilers. METES_TEST_RUNNER is the emulator's words before each program: qemu-user and its
//!   options.
//! - METES_TEST_SKIPS is a file that says what cannot run there: lines of a regex for how a test's name begins, two
//!   blanks or more, and the reason.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use directives::{Directives, Ending, Exit, Level, Need, Way, is_soak, library_stem, words};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use regex::Regex;

// By path, because Cargo takes every file in `tests/` for a test of its own.
#[path = "c_programs/directives.rs"]
mod directives;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The name a program linked to libmetes.so asks the loader for.
const SONAME: &str = "libmetes.so.0";
/// How the lines of a report after its first begin. They are its detail.
const DETAIL: &str = "metes:   ";
/// The exit status of a program that cannot do its work here.
const NOT_RUN: i32 = 77;
/// How many times its timeout a program may take by the clock, on however busy a machine.
const PATIENCE: u32 = 20;
/// How much of a failed program's output is shown.
const SHOWN_BYTES: usize = 16 << 10;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let libraries = Libraries::locate();
    if !arguments.list
        && let Some(missing) = libraries.missing()
    {
        eprintln!("{} is missing: run `make` first", missing.display());
        return ExitCode::FAILURE;
    }
    let mut trials = Vec::new();
    let own = [("what does not end is ended", what_does_not_end_is_ended as fn())];
    for (name, trial) in directives::TRIALS.into_iter().chain(own) {
        trials.push(Trial::test(format!("directives: {name}"), move || {
            trial();
            Ok(())
        }));
    }
    for source in programs() {
        trials.extend(trials_of(&source, &libraries, &|name: &str, why: &str| {
            if arguments.filter.as_ref().is_none_or(|filter| name.contains(filter)) {
                eprintln!("NOT RUN: {name}: {why}");
            }
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

// ---- the programs to test

/// A program, by its place under `c_tests/`: `folder/file`.
#[derive(Clone)]
struct Source {
    folder: String,
    file: String,
}

impl Source {
    fn path(&self) -> String {
        format!("c_tests/{}/{}", self.folder, self.file)
    }

    fn is_cpp(&self) -> bool {
        self.file.ends_with(".cpp")
    }

    fn stem(&self) -> &str {
        self.file.rsplit_once('.').map_or(&self.file, |(stem, _)| stem)
    }
}

fn programs() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in names_in(&Path::new(ROOT).join("c_tests")) {
        for file in names_in(&Path::new(ROOT).join("c_tests").join(&folder)) {
            if file.ends_with(".c") || file.ends_with(".cpp") {
                found.push(Source { folder: folder.clone(), file });
            }
        }
    }
    found
}

/// The names in a folder, sorted. Empty where there is no such folder.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The tests of a program. `say_not_run` is told which ones cannot run, and why.
fn trials_of(source: &Source, libraries: &Libraries, say_not_run: &dyn Fn(&str, &str)) -> Vec<Trial> {
    let name = format!("{}/{}", source.folder, source.file);
    let directives = match Directives::read(source) {
        Err(error) => return vec![Trial::test(name, move || Err(error.into()))],
        Ok(directives) => directives,
    };
    let need = directives.needs.and_then(Need::missing);
    if let Some(what) = need {
        say_not_run(&name, &format!("{what} here"));
    }
    let mut trials = Vec::new();
    for &way in &directives.ways {
        let tool = tools(way, source).into_iter().find(|tool| !has_tool(tool));
        if let Some(tool) = &tool {
            say_not_run(&format!("{name}::{}", way.name()), &format!("{tool} is not installed"));
        }
        let missing = need.is_some() || tool.is_some();
        let build = Arc::new(Build {
            source: source.clone(),
            way,
            directives: directives.clone(),
            libraries: libraries.clone(),
            built: OnceLock::new(),
        });
        for (level, ending) in directives.runs() {
            let level_name = level.map_or(String::new(), |level| format!("::{}", level.name()));
            let job = Job { build: build.clone(), level, ending };
            let name = format!("{name}::{}{level_name}", way.name());
            let reason = if missing { None } else { reason_to_skip(&name) };
            if let Some(reason) = reason {
                say_not_run(&name, reason);
            }
            let trial = Trial::ignorable_test(name.clone(), move || job.build_and_run(&name));
            trials.push(trial.with_ignored_flag(missing || reason.is_some()));
        }
    }
    trials
}

/// The programs that building and running need.
fn tools(way: Way, source: &Source) -> Vec<String> {
    let mut tools: Vec<_> = way.valgrind().first().map(|&tool| tool.to_owned()).into_iter().collect();
    let (variable, default) = compiler_of(source.is_cpp());
    tools.push(words(&env::var(variable).unwrap_or_default()).first().cloned().unwrap_or(default.to_owned()));
    tools
}

fn compiler_of(is_cpp: bool) -> (&'static str, &'static str) {
    if is_cpp { ("CXX", "c++") } else { ("CC", "cc") }
}

/// Whether there is such a program.
fn has_tool(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

// ---- the libraries under test

#[derive(Clone)]
struct Libraries {
    folder: PathBuf,
}

impl Libraries {
    fn locate() -> Libraries {
        let folder = env::var_os("METES_LIB_DIR").map_or_else(|| Path::new(ROOT).join("target/release"), PathBuf::from);
        Libraries { folder: fs::canonicalize(&folder).unwrap_or(folder) }
    }

    fn so(&self) -> PathBuf {
        self.folder.join("libmetes.so")
    }

    fn a(&self) -> PathBuf {
        self.folder.join("libmetes.a")
    }

    /// The first library that is missing, if any.
    fn missing(&self) -> Option<PathBuf> {
        let needed = [self.so(), self.folder.join(SONAME), self.a()];
        needed.into_iter().find(|library| !library.is_file())
    }
}

fn output_root() -> PathBuf {
    env::var_os("METES_LIB_DIR").map_or_else(|| Path::new(ROOT).join("target"), PathBuf::from).join("c_tests")
}

// ---- other machines

/// The words before each program.
fn runner() -> Vec<String> {
    words(&env::var("METES_TEST_RUNNER").unwrap_or_default())
}

/// The tests that cannot run here, by how their names begin, with the reasons.
fn skips() -> &'static [(Regex, String)] {
    static SKIPS: OnceLock<Vec<(Regex, String)>> = OnceLock::new();
    SKIPS.get_or_init(|| {
        let Some(path) = env::var_os("METES_TEST_SKIPS") else { return vec![] };
        let text = fs::read_to_string(Path::new(ROOT).join(&path)).expect("METES_TEST_SKIPS can be read");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parse = |line: &str| {
            let (pattern, reason) = line.split_once("  ").expect("a regex, two blanks and a reason");
            (Regex::new(&format!("^(?:{pattern})")).expect("a regex"), reason.trim().to_owned())
        };
        lines.map(parse).collect()
    })
}

fn reason_to_skip(name: &str) -> Option<&'static str> {
    skips().iter().find(|(pattern, _)| pattern.is_match(name)).map(|(_, reason)| reason.as_str())
}

// ---- one program, one way

/// A program built in one way. The jobs of all levels run the same build.
struct Build {
    source: Source,
    way: Way,
    directives: Directives,
    libraries: Libraries,
    built: OnceLock<Result<(), String>>,
}

impl Build {
    /// Builds the program if no job has done so.
    fn ensure(&self) -> Result<(), Failed> {
        let built = self.built.get_or_init(|| {
            fs::create_dir_all(self.folder()).map_err(|error| error.to_string())?;
            for library in &self.directives.shared {
                compile(&mut self.compile_shared(library))?;
            }
            compile(&mut self.compile_program())
        });
        built.clone().map_err(Failed::from)
    }

    /// One folder for each program and way, which have shared libraries of their own.
    fn folder(&self) -> PathBuf {
        output_root().join(self.way.name()).join(&self.source.folder).join(&self.source.file)
    }

    fn program(&self) -> PathBuf {
        self.folder().join(self.source.stem())
    }

    fn library(&self, stem: &str) -> PathBuf {
        self.folder().join(format!("lib{stem}.so"))
    }

    fn compiler(&self, is_cpp: bool) -> Command {
        let (variable, default) = compiler_of(is_cpp);
        let standard = if is_cpp { "-std=gnu++17" } else { "-std=gnu17" };
        // CC may hold more than a name, as in `ccache cc`.
        let named = words(&env::var(variable).unwrap_or_default());
        let mut command = Command::new(named.first().map_or(default, String::as_str));
        command
            .args(named.iter().skip(1))
            .args([standard, "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-builtin"])
            .args(["-I", "include", "-I", "c_tests/include"])
            .args(&self.directives.cflags)
            .current_dir(ROOT);
        command
    }

    fn compile_program(&self) -> Command {
        let mut command = self.compiler(self.source.is_cpp());
        command.arg(self.source.path()).arg("-o").arg(self.program());
        match self.way {
            // RPATH, because Cargo points LD_LIBRARY_PATH at its own build, and that goes before RUNPATH.
            Way::So => command
                .arg("-Wl,--no-as-needed,--disable-new-dtags")
                .arg(format!("-Wl,-rpath,{}", self.libraries.folder.display()))
                .arg(self.libraries.so()),
            Way::A | Way::Static => command
                .args((self.way == Way::Static).then_some("-static"))
                .arg("-Wl,--whole-archive")
                .arg(self.libraries.a())
                .arg("-Wl,--no-whole-archive"),
            Way::Preload | Way::Valgrind | Way::Memcheck | Way::Helgrind | Way::Drd | Way::Dhat | Way::Plain => {
                &mut command
            }
        };
        command.args(&self.directives.libs);
        command
    }

    fn compile_shared(&self, file: &str) -> Command {
        let mut command = self.compiler(file.ends_with(".cpp"));
        command
            .args(["-shared", "-fPIC"])
            .arg(format!("c_tests/{}/lib/{file}", self.source.folder))
            .arg("-o")
            .arg(self.library(library_stem(file)))
            .args(&self.directives.libs);
        command
    }
}

// ---- one run of a program

struct Job {
    build: Arc<Build>,
    level: Option<Level>,
    ending: Ending,
}

impl Job {
    fn build_and_run(&self, name: &str) -> Result<Completion, Failed> {
        self.build.ensure()?;
        let run = self.run()?;
        if run.exit == Some(Exit::Status(NOT_RUN)) {
            let why = String::from_utf8_lossy(&run.stderr).trim().to_owned();
            eprintln!("NOT RUN: {name}: {why}");
            return Ok(Completion::ignored_with(why));
        }
        match self.complaints(&run) {
            none if none.is_empty() => Ok(Completion::Completed),
            complaints => Err(format!(
                "{}\n--- build\n{}\n--- run\n{}\n--- exit\n{}\n--- stdout\n{}\n--- stderr\n{}",
                complaints.join("\n"),
                shell(&self.build.compile_program()),
                self.words_to_run().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
                run.exit_text(),
                shown(&run.stdout),
                shown(&run.stderr),
            )
            .into()),
        }
    }

    /// The whole command as one can type it. `env` sets the preloads, so that the shell before it runs without them.
    fn words_to_run(&self) -> Vec<String> {
        let Build { directives, way, libraries, .. } = &*self.build;
        let mut words = vec!["env".to_owned()];
        words.push(format!("METES_TEST_DIR={}", self.build.folder().display()));
        words.push(format!("METES_LIB={}", libraries.so().display()));
        words.extend(directives.environment(self.level));
        let mut preloads: Vec<PathBuf> = directives.preload_first.iter().map(|stem| self.build.library(stem)).collect();
        if way.preloads_metes() {
            preloads.push(libraries.so());
        }
        preloads.extend(directives.preload_last.iter().map(|stem| self.build.library(stem)));
        let mut preload = None;
        if !preloads.is_empty() {
            let list: Vec<_> = preloads.iter().map(|path| path.display().to_string()).collect();
            preload = Some(format!("LD_PRELOAD={}", list.join(":")));
        }
        let runner = runner();
        if runner.is_empty() {
            words.extend(preload);
        } else {
            // The emulator is a program of this machine, and cannot load the library.
            words.extend(runner);
            words.extend(preload.into_iter().flat_map(|preload| ["-E".to_owned(), preload]));
        }
        words.extend(way.valgrind().iter().map(|&word| word.to_owned()));
        words.push(self.build.program().display().to_string());
        match &directives.soak_args {
            Some(soak_args) if is_soak() => words.extend(soak_args.iter().cloned()),
            _ => words.extend(directives.args.iter().cloned()),
        }
        words
    }

    fn run(&self) -> Result<Run, Failed> {
        // A name for each level, because the levels run side by side.
        let level = self.level.map_or(String::new(), |level| format!(".{}", level.name()));
        let stdout = self.build.folder().join(format!("stdout{level}"));
        let stderr = self.build.folder().join(format!("stderr{level}"));
        let mut command = Command::new("sh");
        // Programs that abort on purpose should leave no core behind.
        command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh"]).args(self.words_to_run());
        // No setting from outside may reach the allocator.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_ours = name.starts_with("METES_") && name != "METES_TEST_ANY";
            let is_libc = name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES";
            if is_ours || is_libc || name.starts_with("LD_") {
                command.env_remove(name);
            }
        }
        // Files, not pipes, because a child left behind would hold a pipe open.
        let child = command
            .env("LC_ALL", "C")
            .current_dir(self.build.folder())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        let soak_factor = if is_soak() { 20 } else { 1 };
        let emulator_factor = if runner().is_empty() { 1 } else { 10 };
        let exit = wait(child, self.build.directives.timeout * soak_factor * emulator_factor)?;
        Ok(Run { exit: exit.map(Exit::of), stdout: fs::read(stdout)?, stderr: fs::read(stderr)? })
    }

    fn complaints(&self, run: &Run) -> Vec<String> {
        let mut complaints = Vec::new();
        if run.exit.as_ref() != Some(&self.ending.exit) {
            let expected = self.ending.exit.describe();
            complaints.push(format!("exit: {}, expected {expected}", run.exit_text()));
        }
        let (stdout, stderr) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        // Detail belongs to a report.
        let stderr = if self.build.way.valgrind().is_empty() { stderr } else { without_marks(&stderr).into() };
        let is_detail =
            |line: &&str| !self.ending.stderr.is_empty() && (line.starts_with(DETAIL) || line.starts_with(' '));
        let is_said_by_emulator =
            |line: &&str| !runner().is_empty() && line.starts_with("qemu: uncaught target signal");
        let (details, reports): (Vec<_>, Vec<_>) =
            stderr.lines().filter(|line| !is_said_by_emulator(line)).partition(is_detail);
        complaints.extend(mismatch("stderr", &self.ending.stderr, reports));
        for pattern in &self.ending.detail {
            if !details.iter().any(|line| pattern.is_match(line)) {
                complaints.push(format!("no line of detail has `{pattern}`"));
            }
        }
        if let Some(expected) = &self.build.directives.stdout {
            complaints.extend(mismatch("stdout", expected, stdout.lines().collect()));
        }
        complaints
    }
}

/// Valgrind's output without `==123== ` and `**123** `, each stack as one line.
fn without_marks(said: &str) -> String {
    let mark = Regex::new(r"^(==|\*\*)\d+(==|\*\*) ?").expect("a regex");
    let mut text = String::new();
    for line in said.lines().map(|line| mark.replace(line, "")).filter(|line| !line.trim().is_empty()) {
        if line.trim_start().starts_with("by 0x") {
            text.truncate(text.trim_end().len());
            text.push_str("; ");
            text.push_str(line.trim_start());
        } else {
            text.push_str(&line);
        }
        text.push('\n');
    }
    text
}

struct Run {
    /// None when it ran out of time.
    exit: Option<Exit>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Run {
    fn exit_text(&self) -> String {
        self.exit.as_ref().map_or_else(|| "killed: out of time".to_owned(), Exit::describe)
    }
}

fn compile(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", shell(command)))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("does not compile\n{}\n{}", shell(command), shown(&output.stderr)))
}

/// Waits for the end of a program, as long as it takes no more processor time than the timeout, nor waits for so long
/// without any. This finds a program that waits or loops for ever, but not one that the machine has no time for.
fn wait(mut child: Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    let (mut looked, mut moved, mut used) = (begin, begin, 0);
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let now = Instant::now();
        if now - looked > Duration::from_secs(1) {
            looked = now;
            let ticks = ticks_of_group(child.id());
            if ticks != used {
                (moved, used) = (now, ticks);
            }
            if now - moved > timeout
                || u128::from(used) * 1000 / TICKS_PER_SECOND > timeout.as_millis()
                || now - begin > timeout * PATIENCE
            {
                break;
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    // The program leads a process group, so its children end with it.
    Command::new("sh").args(["-c", &format!("kill -KILL -{}", child.id())]).status()?;
    child.wait()?;
    Ok(None)
}

/// The first program waits for ever, the second loops, and so does the last one's child. One that ends is waited for.
fn what_does_not_end_is_ended() {
    let wait_for = |script: &str| {
        let child = Command::new("sh").args(["-c", script]).process_group(0).spawn().expect("a shell");
        wait(child, Duration::from_secs(2)).expect("a process of our own").and_then(|status| status.code())
    };
    for script in ["exec sleep 1000", "while :; do :; done", "(while :; do :; done) & wait"] {
        assert_eq!(wait_for(script), None, "{script}");
    }
    assert_eq!(wait_for("sleep 1; sleep 1; exit 3"), Some(3));
}

/// The kernel's unit of processor time, the same on all of today's machines.
const TICKS_PER_SECOND: u128 = 100;

/// The processor time of the processes of a group, and of the children that they have waited for.
fn ticks_of_group(group: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.starts_with(|first: char| first.is_ascii_digit()).then_some(name)
    });
    let ticks = processes.filter_map(|process| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, which may have anything in it, ends at the last parenthesis. State, parent and group follow.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        (number(2)? == u64::from(group)).then(|| (11..15).filter_map(number).sum::<u64>())
    });
    ticks.sum()
}

/// Whether a line matches that says `access` where a report says `read` or `write` on x86_64: only there the frame of a
/// signal is asked which one it was.
fn is_some_access(pattern: &Regex, line: &str) -> bool {
    let is = |kind: &str| pattern.is_match(&line.replacen(": access at ", kind, 1));
    !runner().is_empty() && (is(": read at ") || is(": write at "))
}

/// A complaint about the first line that is not as expected.
fn mismatch(stream: &str, expected: &[Regex], actual: Vec<&str>) -> Option<String> {
    let mut lines = actual.into_iter();
    for (index, pattern) in expected.iter().enumerate() {
        match lines.next() {
            Some(line) if pattern.is_match(line) || is_some_access(pattern, line) => {}
            line => {
                let line = line.map_or("no such line".to_owned(), |line| format!("`{line}`"));
                return Some(format!("{stream}:{}: {line} is not `{pattern}`", index + 1));
            }
        }
    }
    let line = lines.next()?;
    Some(format!("{stream}:{}: `{line}` is not expected", expected.len() + 1))
}

/// The end of an output that is long: the failure is there.
fn shown(output: &[u8]) -> String {
    let start = output.len().saturating_sub(SHOWN_BYTES);
    String::from_utf8_lossy(&output[start..]).into_owned()
}

fn shell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted: Vec<_> = words.map(|word| quote(&word.to_string_lossy())).collect();
    format!("cd {} && {}", quote(ROOT), quoted.join(" "))
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
