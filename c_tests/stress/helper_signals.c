// Signal handlers allocate, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// cflags: -pthread
// args: 3
// soak-args: 120
// timeout: 30
#include "signal_dense_threads.c"
