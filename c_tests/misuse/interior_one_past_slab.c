// A pointer behind the last block of a slab, just where the next one would start if there were room.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): no block starts here, behind the last of its slab
// exit: SIGABRT
#include "check.h"

int main(void) {
    // 4095 blocks of 16 bytes, and 16 bytes left.
    char *p = malloc(16);
    char *slab = (char *)((uintptr_t)opaque(p) & ~(uintptr_t)0xffff);
    free(slab + 4095 * 16);
    return 0;
}
