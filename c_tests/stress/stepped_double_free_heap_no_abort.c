// Like stepped_double_free.c, with other options.
// env: METES_OPTIONS=abort=no,slabs=off,report=/dev/null
// args: 3
// soak-args: 1
#include "stepped_double_free.c"
