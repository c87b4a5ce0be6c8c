"""rsync: a tree of many small files copied, and copied again; its peak of memory beside that with the libc's malloc"""

import sys

NEEDS = {"rsync": "rsync"}

FILES = 4000

# rsync's tables are large and hardly touched. Both peaks are of the same run, with and without what is preloaded,
# and of the same work: a first copy.
PEAKS = """
import os, shutil, sys
def peak(env):
    shutil.rmtree("again", ignore_errors=True)
    pid = os.spawnvpe(os.P_NOWAIT, "rsync", ["rsync", "-a", "--delete", "--ignore-times", "tree/", "again/"], env)
    _, status, usage = os.wait4(pid, 0)
    return usage.ru_maxrss if status == 0 else sys.exit("rsync failed")
plain = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
others = min(peak(plain) for _ in range(2))
ours = min(peak(dict(os.environ)) for _ in range(2))
if ours > 1.3 * others:
    sys.exit(f"rsync has {ours} KiB where it has {others} with the libc's malloc")
"""


def load(run):
    for n in range(FILES * run.scale):
        run.write(f"tree/{n % 97}/{n % 31}/file{n}", f"line {n}\n" * (n % 211))
    run.call(["rsync", "-a", "tree/", "copy/"])
    run.call(["rsync", "-a", "--checksum", "--delete", "tree/", "copy/"])
    run.call([sys.executable, "-c", PEAKS])
    run.call(["diff", "-r", "tree", "copy"])
