// A pointer one page behind a small block, to an object of the same slab that was never handed out. The free is
// stopped before the next malloc would hand out the object, which the slab would hand out a second time.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 64 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(64);
    free(opaque(p + 4096));
    return 0;
}
