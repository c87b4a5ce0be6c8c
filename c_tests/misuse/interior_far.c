// A pointer deep inside a block of 30,000 bytes.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 20000 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(30000);
    free(opaque(p + 20000));
    return 0;
}
