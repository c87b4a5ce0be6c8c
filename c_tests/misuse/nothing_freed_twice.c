// A block of no bytes is freed twice, where blocks are checked.
// env: METES_OPTIONS=checks=full
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 0 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(opaque((size_t)0));
    free(p);
    free(opaque(p));
    return 0;
}
