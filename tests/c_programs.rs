//! Builds and runs every C and C++ program under `c_tests/`, one test per
//! program and way of bringing metes in:
//!
//! | way        | built                       | run                                  |
//! |------------|-----------------------------|--------------------------------------|
//! | `so`       | linked to libmetes.so       | as it is                             |
//! | `a`        | libmetes.a inside           | as it is                             |
//! | `static`   | the same with -static       | as it is                             |
//! | `preload`  | without metes               | libmetes.so in LD_PRELOAD            |
//! | `valgrind` | without metes               | the same, under memcheck             |
//! | `plain`    | without metes               | as it is: it may dlopen $METES_LIB   |
//!
//! What a program expects stands in its leading comment, as `// key: value`:
//!
//! | key                      | value                                                          |
//! |--------------------------|----------------------------------------------------------------|
//! | `ways`                   | some of the above; the default goes by folder                  |
//! | `cflags`, `libs`         | for the compiler, before and after the source                  |
//! | `env`                    | `NAME=value`; repeatable                                       |
//! | `args`, `soak-args`      | the program's arguments; the latter when METES_SOAK=1          |
//! | `timeout`                | seconds, default 60; 20 times that when soaking                |
//! | `exit`                   | `0` (default), another status, or a signal such as `SIGABRT`   |
//! | `stdout`, `stderr`       | a regex for one whole line; repeatable: these lines, no others |
//! | `shared`                 | `name.c` in `lib/` beside the source, built as libname.so      |
//! | `needs`                  | `cpu-quota`, `locked-memory`, `few-maps`: ignored without      |
//! | `preload-also`           | `name first` or `name last`: that one in LD_PRELOAD as well    |
//!
//! Without `stderr`, standard error must stay empty; without `stdout`, anything
//! goes there. Lines of detail of a report, `metes:   ...`, need not be stated. METES_TEST_DIR tells the program where its shared libraries are;
//! it is also its working directory. METES_LIB is the path of libmetes.so.
//!
//! The libraries come from `target/release`, or METES_LIB_DIR.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use directives::{Directives, Exit, Need, Way, is_soak, library_stem, words};
use libtest_mimic::{Arguments, Failed, Trial};
use regex::Regex;

// By path: a file of its own in `tests/` would be a test of its own to Cargo.
#[path = "c_programs/directives.rs"]
mod directives;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The name a program linked to libmetes.so asks the loader for.
const SONAME: &str = "libmetes.so.0";
/// How the lines of a report behind its first begin: they need not be stated.
const DETAIL: &str = "metes:   ";
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
    for source in programs() {
        trials.extend(trials_of(&source, &libraries));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

// ---- what there is to test

/// A program, by where it stands under `c_tests/`: `folder/file`.
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

/// Sorted; nothing for what is no folder.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn trials_of(source: &Source, libraries: &Libraries) -> Vec<Trial> {
    let name = format!("{}/{}", source.folder, source.file);
    match Directives::read(source) {
        Err(error) => vec![Trial::test(name, move || Err(error.into()))],
        Ok(directives) => directives
            .ways
            .iter()
            .map(|&way| {
                let job =
                    Job { source: source.clone(), way, directives: directives.clone(), libraries: libraries.clone() };
                let missing = directives.needs.and_then(Need::missing);
                if let Some(what) = missing {
                    eprintln!("NOT RUN: {name}: {what} here");
                }
                Trial::test(format!("{name}::{}", way.name()), move || job.build_and_run())
                    .with_ignored_flag(missing.is_some())
            })
            .collect(),
    }
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

    /// What is not there, if anything.
    fn missing(&self) -> Option<PathBuf> {
        let needed = [self.so(), self.folder.join(SONAME), self.a()];
        needed.into_iter().find(|library| !library.is_file())
    }
}

fn output_root() -> PathBuf {
    Path::new(ROOT).join("target/c_tests")
}

// ---- one program, one way

struct Job {
    source: Source,
    way: Way,
    directives: Directives,
    libraries: Libraries,
}

impl Job {
    fn build_and_run(&self) -> Result<(), Failed> {
        fs::create_dir_all(self.folder())?;
        for library in &self.directives.shared {
            compile(&mut self.compile_shared(library))?;
        }
        compile(&mut self.compile_program())?;
        let run = self.run()?;
        match self.complaints(&run) {
            none if none.is_empty() => Ok(()),
            complaints => Err(format!(
                "{}\n--- build\n{}\n--- run\n{}\n--- exit\n{}\n--- stdout\n{}\n--- stderr\n{}",
                complaints.join("\n"),
                shell(&self.compile_program()),
                self.words_to_run().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
                run.exit_text(),
                shown(&run.stdout),
                shown(&run.stderr),
            )
            .into()),
        }
    }

    /// One per program and way: its shared libraries are its own.
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
        let (variable, default, standard) = match is_cpp {
            true => ("CXX", "c++", "-std=gnu++17"),
            false => ("CC", "cc", "-std=gnu17"),
        };
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
            // RPATH: Cargo points LD_LIBRARY_PATH, which goes before RUNPATH, at its own build.
            Way::So => command
                .arg("-Wl,--no-as-needed,--disable-new-dtags")
                .arg(format!("-Wl,-rpath,{}", self.libraries.folder.display()))
                .arg(self.libraries.so()),
            Way::A | Way::Static => command
                .args((self.way == Way::Static).then_some("-static"))
                .arg("-Wl,--whole-archive")
                .arg(self.libraries.a())
                .arg("-Wl,--no-whole-archive"),
            Way::Preload | Way::Valgrind | Way::Plain => &mut command,
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

    /// The whole command as one can type it; what is preloaded is set by `env`, so
    /// that the shell before it runs without.
    fn words_to_run(&self) -> Vec<String> {
        let directives = &self.directives;
        let mut words = vec!["env".to_owned()];
        words.push(format!("METES_TEST_DIR={}", self.folder().display()));
        words.push(format!("METES_LIB={}", self.libraries.so().display()));
        words.extend(directives.env.iter().cloned());
        let mut preloads: Vec<PathBuf> = directives.preload_first.iter().map(|stem| self.library(stem)).collect();
        if self.way.preloads_metes() {
            preloads.push(self.libraries.so());
        }
        preloads.extend(directives.preload_last.iter().map(|stem| self.library(stem)));
        if !preloads.is_empty() {
            let list: Vec<_> = preloads.iter().map(|path| path.display().to_string()).collect();
            words.push(format!("LD_PRELOAD={}", list.join(":")));
        }
        if self.way == Way::Valgrind {
            let memcheck = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=no"];
            words.extend(memcheck.map(str::to_owned));
        }
        words.push(self.program().display().to_string());
        match &directives.soak_args {
            Some(soak_args) if is_soak() => words.extend(soak_args.iter().cloned()),
            _ => words.extend(directives.args.iter().cloned()),
        }
        words
    }

    fn run(&self) -> Result<Run, Failed> {
        let stdout = self.folder().join("stdout");
        let stderr = self.folder().join("stderr");
        let mut command = Command::new("sh");
        // Programs that abort on purpose should leave no core behind.
        command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh"]).args(self.words_to_run());
        // Nothing from outside may set the allocator up.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_ours = name.starts_with("METES_") && name != "METES_TEST_ANY";
            let is_libc = name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES";
            if is_ours || is_libc || name.starts_with("LD_") {
                command.env_remove(name);
            }
        }
        // Files, not pipes: a child left behind would hold a pipe open.
        let child = command
            .env("LC_ALL", "C")
            .current_dir(self.folder())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        let soak_factor = if is_soak() { 20 } else { 1 };
        let exit = wait(child, self.directives.timeout * soak_factor)?;
        Ok(Run { exit: exit.map(Exit::of), stdout: fs::read(stdout)?, stderr: fs::read(stderr)? })
    }

    fn complaints(&self, run: &Run) -> Vec<String> {
        let mut complaints = Vec::new();
        if run.exit.as_ref() != Some(&self.directives.exit) {
            let expected = self.directives.exit.describe();
            complaints.push(format!("exit: {}, expected {expected}", run.exit_text()));
        }
        complaints.extend(mismatch("stderr", &self.directives.stderr, &run.stderr));
        if let Some(expected) = &self.directives.stdout {
            complaints.extend(mismatch("stdout", expected, &run.stdout));
        }
        complaints
    }
}

struct Run {
    /// Nothing when it ran out of time.
    exit: Option<Exit>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Run {
    fn exit_text(&self) -> String {
        self.exit.as_ref().map_or_else(|| "killed: out of time".to_owned(), Exit::describe)
    }
}

fn compile(command: &mut Command) -> Result<(), Failed> {
    let output = command.output().map_err(|error| format!("{}: {error}", shell(command)))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("does not compile\n{}\n{}", shell(command), shown(&output.stderr)).into())
}

fn wait(mut child: Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    // The program leads a process group: its children go with it.
    Command::new("sh").args(["-c", &format!("kill -KILL -{}", child.id())]).status()?;
    child.wait()?;
    Ok(None)
}

/// The first line that is not as expected.
fn mismatch(stream: &str, expected: &[Regex], actual: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(actual);
    let mut lines = text.lines().filter(|line| !line.starts_with(DETAIL));
    for (index, pattern) in expected.iter().enumerate() {
        match lines.next() {
            Some(line) if pattern.is_match(line) => {}
            line => {
                let line = line.map_or("no such line".to_owned(), |line| format!("`{line}`"));
                return Some(format!("{stream}:{}: {line} is not `{pattern}`", index + 1));
            }
        }
    }
    let line = lines.next()?;
    Some(format!("{stream}:{}: `{line}` is not expected", expected.len() + 1))
}

/// The end of it, when it is long: the failure is there.
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
