// Like stale_nodes.c, with the lowest address that fits.
// env: METES_OPTIONS=slabs=off,fit=first,report=/dev/null
// args: 300
// soak-args: 20000
// timeout: 240
#include "stale_nodes.c"
