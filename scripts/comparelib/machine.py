"""The machine that figures come from."""

import os
import platform
import re
from pathlib import Path


def described():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    thp = re.search(r"\[(.*)\]", Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text())
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "thp": thp.group(1),
    }
