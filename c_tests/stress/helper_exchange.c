// Blocks pass between threads, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// cflags: -pthread
// args: 40000
// soak-args: 3000000
#include "exchange.c"
