// The bytes before the pointer hold a copy of the block's own header.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 64 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    memcpy(p + 56, (char *)opaque(p) - 8, 8);
    free(opaque(p + 64));
    return 0;
}
