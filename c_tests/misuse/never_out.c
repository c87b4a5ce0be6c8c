// A pointer a page behind a small block, into the same slab, which nobody has had yet: it is stopped before the next malloc would hand it
// out, and the slab a second time.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 64 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(64);
    free(opaque(p + 4096));
    return 0;
}
