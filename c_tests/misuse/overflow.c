// A block written 8 bytes past its end, its neighbour freed.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: free\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[2];
    row(b, 2, 3000);
    memset(opaque(b[0]), 'A', malloc_usable_size(b[0]) + 8);
    free(b[1]);
    return 0;
}
