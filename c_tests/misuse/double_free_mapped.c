// A block with a mapping of its own freed twice.
// stderr: metes: (M001 double free|M004 foreign pointer): free\(0x[0-9a-f]+\): .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(4 << 20);
    free(p);
    free(opaque(p));
    return 0;
}
