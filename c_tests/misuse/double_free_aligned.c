// An aligned block freed twice.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = aligned_alloc(4096, 4096);
    free(p);
    free(opaque(p));
    return 0;
}
