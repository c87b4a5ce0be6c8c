// A pointer that no allocation could have returned.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 3 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(opaque(p + 3));
    return 0;
}
