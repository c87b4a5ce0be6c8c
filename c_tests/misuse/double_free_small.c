// The same block of 100 bytes freed twice.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    free(opaque(p));
    return 0;
}
