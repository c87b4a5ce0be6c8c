"""The programs that heap tools are compared on: real ones of benches/loads, and the server of traces/programs.

Each says what CPU time and memory it has taken itself when it ends, so that what runs beside it is told apart.
"""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SPENT = ROOT / "benches/tools/spent.c"

# Each loads SPENT, whose end is the last thing of the process.
PERL_SPENT = "BEGIN { require DynaLoader; DynaLoader::dl_load_file('SPENT', 0) or die DynaLoader::dl_error() }\n"
PYTHON_SPENT = "import ctypes; ctypes.CDLL('SPENT')\n"


class Load:
    def __init__(self, name, argv, python=None, said=""):
        self.name, self.argv, self.python, self.said = name, argv, python, said
        self.environment = {"PYTHONMALLOC": "malloc"} if python else {}


def run(argv, **options):
    subprocess.run([str(a) for a in argv], check=True, **options)


def inputs_of(name, directory):
    """Has a load of benches/loads write its inputs."""
    run(["sh", ROOT / "benches/loads" / f"{name}.sh", directory, "prepare"])


def prepared(directory, python):
    """All loads, with their inputs in `directory`."""
    for name in ("perl_hash", "sqlite_join", "py_json"):
        inputs_of(name, directory / name)
    spent, server = directory / "spent.so", directory / "server"
    perl, query, script = directory / "hash.pl", directory / "sqlite_join/load.sql", directory / "documents.py"
    perl.write_text(PERL_SPENT.replace("SPENT", str(spent)) + (directory / "perl_hash/load.pl").read_text())
    text = (directory / "py_json/load.py").read_text().replace("range(2)", "range(1)")
    script.write_text(PYTHON_SPENT.replace("SPENT", str(spent)) + text)
    run(["gcc", "-O1", "-shared", "-fPIC", SPENT, "-o", spent])
    run(["gcc", "-O1", "-c", SPENT, "-o", directory / "spent.o"])
    run(["g++", "-g", "-O1", "-pthread", ROOT / "traces/programs/server.cpp", directory / "spent.o", "-o", server])
    return [
        Load("perl", [shutil.which("perl"), perl], said="hashes of lists"),
        Load("sqlite3", [shutil.which("sqlite3"), "-batch", "-bail", ":memory:", f".load {spent}", f".read {query}"],
             said="joins in memory"),
        Load("python", [python, script], python=python, said="JSON, with PYTHONMALLOC=malloc"),
        Load("server", [server, "80000"], said="C++, seven threads"),
    ]  # fmt: skip


def environment_of(load, directory, extra=None):
    """What a load needs in its environment; its reports go to `directory`."""
    fixed = {"COMPARE_TOOLS": str(directory), "PERL_HASH_SEED": "0", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    kept = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "METES_OPTIONS", "MALLOC_CONF")}
    return {**kept, **fixed, **load.environment, **(extra or {})}
