// A pointer into a block of a slab of several units, at the start of the next unit.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): [0-9]+ bytes into the block of 20480 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = NULL;
    // A block that reaches over the end of a unit.
    for (int i = 0; i < 20; i++) {
        p = malloc(20000);
        if (((uintptr_t)p & 0xffff) + 20000 > 0x10000) break;
    }
    free((char *)(((uintptr_t)opaque(p) + 0xffff) & ~(uintptr_t)0xffff));
    return 0;
}
