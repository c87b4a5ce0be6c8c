// Threads come and go, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// cflags: -pthread
// args: 1500
// soak-args: 20000
#include "thread_churn.c"
