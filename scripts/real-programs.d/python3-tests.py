"""python3: its own tests of containers, threads, fork, subprocesses, ctypes and multiprocessing"""

import os

PYTHON = "/usr/bin/python3"
VERSION = os.path.basename(os.path.realpath(PYTHON))
NEEDS = {
    PYTHON: "python3",
    f"/usr/lib/{VERSION}/test/test_dict.py": f"lib{VERSION}-testsuite",
}

TESTS = [
    "test_dict",
    "test_list",
    "test_gc",
    "test_threading",
    "test_fork1",
    "test_ctypes",
    "test_subprocess",
    "test_multiprocessing_fork",
]

# Options that leave out the tests that only wait, or that take minutes.
SHORT = {
    "test_subprocess": ["-i", "*timeout*", "-i", "*_dead"],
    "test_multiprocessing_fork": ["-m", "*TestQueue*", "-m", "*TestPool.test_map*", "-m", "*TestHeap*"],
}

MASK = [
    (r"\d+:\d\d:\d\d (load avg: [\d.]+ )?", ""),
    (r"\d[\d.]* (min|sec|ms)\b", "TIME"),
    (r"test_\w+ took .*\n", ""),
    (r"/psm_\w+", "/psm"),
]


def load(run):
    # Side by side, because they mostly wait.
    running = []
    for test in TESTS:
        selection = SHORT.get(test, []) if run.scale == 1 else []
        running.append(run.start([PYTHON, "-m", "test", test, *selection]))
    for process in running:
        run.finish(process, compare=True, mask=MASK, calls=1_000)
