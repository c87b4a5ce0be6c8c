// Signal handlers fork, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// args: 300
// soak-args: 20000
// timeout: 120
#include "fork_in_handler.c"
