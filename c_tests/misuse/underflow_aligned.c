// The 8 bytes before an aligned block overwritten.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: free\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = aligned_alloc(256, 3072);
    memset((char *)opaque(p) - 8, 0x41, 8);
    free(p);
    return 0;
}
