// Like stepped_double_free.c, with other options.
// env: METES_OPTIONS=checks=off,slabs=off
// args: 3
// soak-args: 1
#include "stepped_double_free.c"
