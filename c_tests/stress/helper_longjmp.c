// Signal handlers jump out of malloc and free, while the helper empties caches and trims all the time.
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// args: 2
// soak-args: 60
// timeout: 30
#include "signal_longjmp.c"
