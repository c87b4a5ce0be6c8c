// A pointer behind the last block of a slab, where there is room for a part of one.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): no block starts here, behind the last of its slab
// exit: SIGABRT
#include "check.h"

int main(void) {
    // 102 blocks of 640 bytes, and 256 bytes left.
    char *p = malloc(640);
    char *slab = (char *)((uintptr_t)opaque(p) & ~(uintptr_t)0xffff);
    free(slab + 102 * 640);
    return 0;
}
