// Like neighbours_hidden.c, where calls are remembered.
// env: METES_OPTIONS=debug=1
// cflags: -pthread
// args: 3000
// soak-args: 100000
#include "neighbours_hidden.c"
