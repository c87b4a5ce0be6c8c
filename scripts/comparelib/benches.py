"""The benchmarks: programs of benches/programs, loads of benches/loads, and one run of one of them."""

import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .allocators import OUT, ROOT, Allocator

PROGRAMS = ROOT / "benches/programs"
LOADS = ROOT / "benches/loads"
PATIENCE = 600  # seconds for a run, and for preparing a load
# A compiler may drop an allocation that is never used.
FLAGS = ["-O2", "-g", "-pthread", "-fno-allocation-dce",
         *(f"-fno-builtin-{f}" for f in ("malloc", "calloc", "realloc", "free"))]  # fmt: skip


class Failure(Exception):
    """Why a run does not count; its text is what the user sees."""


@dataclass
class Run:
    """What one run took."""

    seconds: float  # the timed part as the program says, else the whole process
    wall: float  # the whole process
    cpu: float  # user and system, children included
    rss_kib: int
    faults: int  # pages
    ops: int = 0
    extra: dict = field(default_factory=dict)

    @property
    def time(self):
        """What allocators are compared by: seconds for each operation where those are counted."""
        return self.seconds / self.ops if self.ops else self.seconds


@dataclass
class Bench:
    name: str
    file: Path
    options: list[str]

    @property
    def full_name(self):
        return f"{self.file.parent.name}/{self.name}"

    @property
    def is_load(self):
        return self.file.suffix == ".sh"

    def prepare(self):
        """Compiles the program, or makes the load's data, before the first run. Never with a preload."""
        if self.is_load:
            place = OUT / "loads" / self.name
            place.mkdir(parents=True, exist_ok=True)
            done = place.with_suffix(".prepared")
            if not done.exists() or done.stat().st_mtime < newest(self.file, *LOADS.glob("*.inc")):
                quietly([self.file, place, "prepare"], f"preparing {self.name}")
                done.touch()
            self.command = [self.file, place, "run"]
        else:
            self.command = [compiled(self.file, PROGRAMS.glob("*.h")), *self.options]

    def check(self):
        """Checks that the last run of a load left the expected result. A program checks itself."""
        if self.is_load:
            quietly([self.file, OUT / "loads" / self.name, "check"], "wrong result")


def quietly(argv, what):
    try:
        done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{what}: {error}") from None
    if done.returncode != 0:
        raise Failure(f"{what}: status {done.returncode}\n{tail(done.stdout)}")


def tail(text):
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-6:])


def newest(*files):
    return max(file.stat().st_mtime for file in files)


def compiled(source, headers=(), flags=()):
    """The program of a source file, compiled again only when that or a header has changed."""
    program = OUT / "bin" / source.stem
    if not program.exists() or program.stat().st_mtime < newest(source, *headers):
        program.parent.mkdir(parents=True, exist_ok=True)
        compiler = ["c++", "-std=c++17"] if source.suffix == ".cpp" else ["cc"]
        quietly([*compiler, *FLAGS, *flags, "-o", program, source, "-lm"], f"compiling {source.name}")
    return program


def library(name, source="/dev/null"):
    """A library to preload, empty without a source."""
    file = OUT / "lib" / f"{Path(source).stem}.so"
    file.parent.mkdir(parents=True, exist_ok=True)
    quietly(["cc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-o", file, "-x", "c", source], f"compiling {name}")
    return Allocator(name, file)


def every_bench():
    """All benchmarks. A program's head comment may list its configurations: `// bench: <name> key=value ...`."""
    found = []
    for source in sorted([*PROGRAMS.glob("*.c"), *PROGRAMS.glob("*.cpp")]):
        head = re.match(r"(?://.*\n|\s*\n)*", source.read_text()).group()
        listed = [line.split() for line in re.findall(r"^// bench: *(\S.*)$", head, re.M)]
        found += [Bench(name, source, options) for name, *options in listed or [[source.stem]]]
    found += [Bench(script.stem, script, []) for script in sorted(LOADS.glob("*.sh"))]
    names = [bench.name for bench in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise SystemExit(f"two benchmarks are called {', '.join(sorted(doubled))}")
    return found


def chosen_benches(text):
    """The benchmarks in whose kind/name one of the comma-separated patterns is found."""
    patterns = text.split(",") if text else [""]
    return [bench for bench in every_bench() if any(re.search(p, bench.full_name) for p in patterns)]


def measure(bench, allocator, quick=False, check=False):
    """One run. With `check` it is slower, and fails unless the allocator is in the process at its end."""
    run, said = launched([*bench.command, *(["quick=1"] if quick and not bench.is_load else [])], allocator, check)
    bench.check()
    return run if bench.is_load else with_own_figures(run, said)


def launched(command, allocator, check=False, runs=1):
    """What a command took, as the mean of so many runs, and all it said.

    `check` is as for `measure`, and makes the peak RSS exact.
    """
    launcher = compiled(Path(__file__).with_name("launch.c"), flags=["-static"])
    checked = (allocator.library or "none") if check else ""
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    environment["LC_ALL"] = "C.UTF-8"
    if allocator.options:
        environment["METES_OPTIONS"] = allocator.options
    read_end, write_end = os.pipe()
    # Files, as a pipe would make the program wait for the runner.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, open(read_end) as report:
        process = subprocess.Popen(
            [launcher, str(write_end), allocator.library, checked, str(runs), *command],
            pass_fds=[write_end], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment,
            start_new_session=True)  # fmt: skip
        os.close(write_end)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end within {PATIENCE} s") from None
        finally:
            end_session(process)
        status, wall_ns, cpu_us, rss_kib, faults, loaded = map(int, report.read().split())
        said, complained = contents(out), contents(err)
    if status != 0:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        raise Failure(f"{how}\n{tail(said + complained)}")
    if check and allocator.library and not loaded:
        raise Failure(f"{allocator.library} was not loaded")
    return Run(wall_ns / 1e9, wall_ns / 1e9, cpu_us / 1e6, rss_kib, faults), said


def contents(file):
    file.seek(0)
    return file.buffer.read().decode(errors="replace")


def end_session(process):
    """Kills what the run left behind, which must not disturb the next one."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def own_figures(said):
    """The numbers that a program has printed as key=number."""
    return {key: float(value) for key, value in re.findall(r"(\w+)=(-?\d[\d.eE+-]*)", said)}


def with_own_figures(run, said):
    figures = own_figures(said)
    if "seconds" not in figures:
        raise Failure(f"no line with seconds=\n{tail(said)}")
    run.seconds = figures.pop("seconds")
    run.ops = int(figures.pop("ops", 0))
    run.extra = figures
    if run.seconds <= 0:
        raise Failure("it took no time")
    return run
