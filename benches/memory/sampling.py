"""What the Python loads share: a process takes the points of a series of itself.

bytes_asked() is there when asked.c is preloaded.
"""

import ctypes
import os
import time

PAGE_KIB = os.sysconf("SC_PAGESIZE") // 1024
BEGAN = time.monotonic()
asked = getattr(ctypes.CDLL(None), "bytes_asked", None)
if asked:
    asked.restype = ctypes.c_size_t


def sample(work, phase=""):
    with open("/proc/self/statm") as file:
        kib = int(file.read().split()[1]) * PAGE_KIB
    live = f" live={asked()}" if asked else ""
    print(f"sample work={work} rss_kib={kib}{live}{phase and ' phase=' + phase}")


def finish(work):
    print(f"ops={work} seconds={time.monotonic() - BEGAN:.3f}")
