// The byte before a block changed.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: free\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    char *before = (char *)opaque(p) - 1;
    *before ^= (char)0xff;
    free(p);
    return 0;
}
