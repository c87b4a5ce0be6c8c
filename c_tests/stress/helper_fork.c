// Threads fork, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// cflags: -pthread
// args: 60
// soak-args: 5000
// timeout: 120
#include "fork_from_threads.c"
