// A library preloaded before metes has a getpid, clock_gettime, syscall, getauxval, write and others that allocate.
// metes calls none of them.
// shared: interposes.c
// preload-also: interposes first
// cflags: -pthread
// env: METES_OPTIONS=abort=no,decay_ms=100,stats=exit,stats_file=/dev/null
// stderr: metes: M001 double free: .*
// stderr: metes: M003 interior pointer: .*
// detail: called from
#include "check.h"

#include "include/interposed.h"

int main(void) { return live_interposed(); }
