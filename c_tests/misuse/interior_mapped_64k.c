// A pointer 64 KiB into a block with a mapping of its own.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 65536 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(4 << 20);
    free(opaque(p + 65536));
    return 0;
}
