// A pointer into an aligned block.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 4096 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = aligned_alloc(4096, 16384);
    free(opaque(p + 4096));
    return 0;
}
