// Like fork_lock.c, with the library before metes.
// shared: fork_lock.c
// preload-also: fork_lock first
// cflags: -pthread
// args: 150
// soak-args: 5000
#include "fork_lock.c"
