// A pointer to a large object that was never handed out, in a slab of several units.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 20480 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(20000);
    free(opaque(p + 6 * malloc_usable_size(p)));
    return 0;
}
