// A pointer into memory that metes holds and has never handed out.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block is free already
// exit: SIGABRT
#include "check.h"

#include <malloc.h>

int main(void) {
    char *p = malloc(64);
    char *slab = (char *)((uintptr_t)opaque(p) & ~(uintptr_t)0xffff);
    // The first slabs stand side by side.
    free(slab + 3 * 65536 + 2048);
    return 0;
}
