// The last byte of a block.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): [0-9]+ bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(opaque(p + malloc_usable_size(p) - 1));
    return 0;
}
