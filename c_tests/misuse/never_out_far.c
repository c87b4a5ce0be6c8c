// Like never_out.c, four pages behind the block.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 64 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(64);
    free(opaque(p + 16384));
    return 0;
}
