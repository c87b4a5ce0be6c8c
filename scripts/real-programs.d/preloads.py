"""other libraries in LD_PRELOAD, before metes and after it: libfaketime, eatmydata, fakeroot, stdbuf and heaptrack's"""

import glob
import os

FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
EATMYDATA = "/usr/lib/*/libeatmydata.so"
FAKEROOT = "/usr/lib/*/libfakeroot/libfakeroot-sysv.so"
STDBUF = "/usr/libexec/coreutils/libstdbuf.so"
HEAPTRACK = "/usr/lib/heaptrack/libheaptrack_preload.so"

NEEDS = {
    FAKETIME: "libfaketime",
    EATMYDATA: "libeatmydata1",
    FAKEROOT: "libfakeroot",
    "faked-sysv": "fakeroot",
    STDBUF: "coreutils",
    HEAPTRACK: "heaptrack",
    "python3": "python3",
}

# Threads, forks, files and floats: something of all that these libraries interpose.
WORK = """
import os, subprocess, sys, tempfile, threading, time
def count(n, results):
    results.append(len([str(i) * 3 for i in range(n)]))
results = []
threads = [threading.Thread(target=count, args=(20000 + i, results)) for i in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(results))
for n in range(3):
    child = os.fork()
    if not child:
        count(5000, [])
        os._exit(n)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with tempfile.TemporaryFile() as file:
    file.write(b"text" * 100000)
    file.flush()
    os.fsync(file.fileno())
    print(os.fstat(file.fileno()).st_size)
print(subprocess.run(["sh", "-c", "echo $((6 * 7)); exit 3"], stdout=subprocess.PIPE))
"""
TIME = "import datetime, time; print(datetime.datetime.now(), int(time.time()), time.strftime('%Y'))"
# The library removes the flag.
SYNCHRONOUS = """
import fcntl, os
file = os.open("file", os.O_CREAT | os.O_RDWR | os.O_SYNC)
os.fsync(file)
print(bool(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_SYNC))
"""
# Only a daemon knows of the changes.
OWNERS = "rm -f owned; touch owned && chown 12:34 owned && stat -c '%u %g' owned && id -u && " \
    "tar cf owned.tar --mtime=@0 owned && tar tvf owned.tar"
# Output that the C library's buffer would keep is written at once.
UNBUFFERED = "import ctypes, os; ctypes.CDLL(None).printf(b'text'); os._exit(0)"


def load(run):
    own = run.env.get("LD_PRELOAD", "")

    def both_orders(pattern, argv, env=None, **more):
        other = glob.glob(pattern)[0]
        for order in ([other, own], [own, other]):
            run.call(argv, env={"LD_PRELOAD": os.pathsep.join(filter(None, order)), **(env or {})}, **more)

    faked = {"FAKETIME": "2001-02-03 04:05:06"}
    both_orders(FAKETIME, ["date"], faked, calls=None)
    both_orders(FAKETIME, ["python3", "-c", TIME], faked)
    both_orders(FAKETIME, ["python3", "-c", WORK], faked)
    both_orders(EATMYDATA, ["python3", "-c", SYNCHRONOUS])
    both_orders(EATMYDATA, ["python3", "-c", WORK])
    both_orders(STDBUF, ["python3", "-c", UNBUFFERED], {"_STDBUF_O": "0"}, calls=None)
    both_orders(STDBUF, ["python3", "-c", WORK], {"_STDBUF_O": "L", "_STDBUF_I": "0"})
    both_orders(HEAPTRACK, ["python3", "-c", WORK], {"DUMP_HEAPTRACK_OUTPUT": str(run.dir / "trace")})
    run.note(f"a trace was written: {(run.dir / 'trace').stat().st_size > 1000}")

    # fakeroot's command starts a daemon, and puts its library before what is there. The other order is made inside.
    other_order = ["sh", "-c", 'LD_PRELOAD="$OWN${OWN:+:}$LD_PRELOAD" exec "$@"', "sh"]
    for program in (["python3", "-c", WORK], ["sh", "-c", OWNERS]):
        run.call(["fakeroot-sysv", *program], calls=None, served=2)
        started = ["env", "-u", "LD_PRELOAD", "fakeroot-sysv", *other_order, *program]
        run.call(started, env={"OWN": own}, calls=None, served=2)
    run.call(["stat", "-c", "%u %g", "owned"])
