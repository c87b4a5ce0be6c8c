"""The tools that look at a heap: how each runs a program, what it leaves, and how that is read."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = Path(os.environ.get("METES_LIBRARY", ROOT / "target/release/libmetes.so"))
METES = ROOT / "target/tool/metes"
DEBIAN = Path("/usr/lib/x86_64-linux-gnu")
MIMALLOC = ROOT / "target/peers/mimalloc3-profile.so"


class Tool:
    """A way to run a program.

    `prefix` and `environment` are texts with OUT for the directory of the tool's files. `reader` reads what it left;
    FILE is the newest of these.
    """

    def __init__(self, name, version, prefix=(), environment=None, needs=(), reader=(), writes=False):
        self.name, self.version, self.needs = name, version, needs
        self.prefix, self.environment, self.reader, self.writes = prefix, environment or {}, reader, writes

    def missing(self):
        """What this machine lacks for the tool, or nothing."""
        absent = [str(need) for need in self.needs if not (shutil.which(str(need)) or Path(need).exists())]
        return ", ".join(absent)

    def takes(self, load):
        return True

    def command(self, load, out):
        argv = [str(part).replace("OUT", str(out)) for part in self.prefix] + [str(part) for part in load.argv]
        return argv, {key: value.replace("OUT", str(out)) for key, value in self.environment.items()}


class Memray(Tool):
    """Only runs Python programs, and as a module of their Python."""

    def __init__(self, name, python, *flags):
        super().__init__(name, lambda: said([python, "-m", "memray", "--version"]), writes=True,
                         reader=[python, "-m", "memray", "stats", "FILE"])  # fmt: skip
        self.python, self.flags = python, flags

    def missing(self):
        works = subprocess.run([self.python, "-c", "import memray"], capture_output=True, check=False).returncode == 0
        return "" if works else f"memray in {self.python}"

    def takes(self, load):
        return load.python is not None

    def command(self, load, out):
        flags = ["-m", "memray", "run", "-q", "-o", f"{out}/memray.bin", *self.flags]
        return [str(load.argv[0]), *flags, *map(str, load.argv[1:])], {}


def said(argv):
    """The first line that a command says."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def debian(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return f"Debian {package} {done.stdout}"


def preload(library, **environment):
    return {"LD_PRELOAD": str(library), **environment}


def known(python):
    """All tools; the first is none, which the others are compared with."""
    trace_info = [METES, "trace", "info", "FILE"]
    jemalloc, tcmalloc = DEBIAN / "libjemalloc.so.2", DEBIAN / "libtcmalloc.so.4"

    def metes_says():
        return said([METES, "--version"])

    def metes(name, *arguments, reader=(), writes=False):
        library = {"METES_LIBRARY": str(LIBRARY)}
        return Tool(name, metes_says, [METES, *arguments, "--"], library, [METES, LIBRARY], reader, writes)

    def valgrind(tool, file, reader):
        prefix = ["valgrind", "-q", f"--tool={tool}", f"--{tool}-out-file=OUT/{file}"]
        return Tool(tool, lambda: said(["valgrind", "--version"]), prefix, needs=["valgrind"], reader=reader, writes=True)

    return [
        Tool("none (glibc)", lambda: " ".join(os.confstr("CS_GNU_LIBC_VERSION").split())),
        Tool("metes, no tool", metes_says, environment=preload(LIBRARY), needs=[LIBRARY]),
        metes("metes run --stats", "run", "--stats", "--report", "OUT/stats.txt", writes=True),
        metes("metes run --profile, 512 KiB", "run", "--profile", "OUT/profile.pb.gz", writes=True),
        metes("metes profile --on-peak", "profile", "--on-peak", "OUT/peak", "-o", "OUT/profile.pb.gz", writes=True,
              reader=[METES, "profile", "OUT/peak"]),
        metes("metes trace --no-stacks", "trace", "--no-stacks", "-o", "OUT/trace", reader=trace_info, writes=True),
        metes("metes trace", "trace", "-o", "OUT/trace", reader=trace_info, writes=True),
        metes("metes leaks, to the end", "leaks", "-o", "OUT/leaks.json", writes=True),
        Tool("heaptrack", lambda: said(["heaptrack", "--version"]), ["heaptrack", "-o", "OUT/heaptrack"],
             needs=["heaptrack"], reader=["heaptrack_print", "FILE"], writes=True),
        valgrind("massif", "massif.out", ["ms_print", "FILE"]),
        valgrind("dhat", "dhat.json", [sys.executable, "-m", "json.tool", "FILE"]),
        Memray("memray", python),
        Memray("memray --native", python, "--native"),
        Tool("jemalloc, no tool", lambda: debian("libjemalloc2"), environment=preload(jemalloc), needs=[jemalloc]),
        Tool("jemalloc prof, 512 KiB", lambda: debian("libjemalloc2"), needs=[jemalloc], writes=True,
             environment=preload(jemalloc, MALLOC_CONF="prof:true,prof_final:true,lg_prof_sample:19,prof_prefix:OUT/je")),
        Tool("mimalloc, no tool", mimalloc_version, environment=preload(MIMALLOC), needs=[MIMALLOC]),
        Tool("mimalloc profile, 512 KiB", mimalloc_version, needs=[MIMALLOC], writes=True,
             environment=preload(MIMALLOC, MIMALLOC_PROFILE="OUT/mi")),
        Tool("tcmalloc, no tool", lambda: debian("libgoogle-perftools4"), environment=preload(tcmalloc), needs=[tcmalloc]),
        Tool("tcmalloc HEAPPROFILE", lambda: debian("libgoogle-perftools4"), needs=[tcmalloc], writes=True,
             environment=preload(tcmalloc, HEAPPROFILE="OUT/tc")),
    ]  # fmt: skip


def mimalloc_version():
    text = subprocess.run(["true"], env={"LD_PRELOAD": str(MIMALLOC), "MIMALLOC_VERBOSE": "1"}, capture_output=True,
                          text=True, check=False).stderr  # fmt: skip
    found = re.search(r"v(\d+\.\d+\.\d+)", text)
    return f"mimalloc {found.group(1)}" if found else "mimalloc"


def memleak_says():
    """What bcc's memleak says of this kernel: nothing if it works."""
    if not shutil.which("memleak-bpfcc"):
        return "not installed"
    argv = ["timeout", "60", "memleak-bpfcc", "-c", "sleep 2", "1", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in lines if line.startswith("Unable")), lines[-1])
