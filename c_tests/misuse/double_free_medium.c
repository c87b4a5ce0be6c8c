// A block too large for slabs, kept in the thread's cache, freed again.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(50000);
    memset(p, 1, 50000);
    free(p);
    free(opaque(p));
    return 0;
}
