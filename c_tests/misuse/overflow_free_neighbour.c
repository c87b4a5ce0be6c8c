// A free neighbour's header overwritten, then the block before it freed, which would merge the two.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M00[56] (free block written to|header overwritten): .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[2];
    row(b, 2, 3000);
    free(b[1]);
    memset(opaque(b[0]), 'A', malloc_usable_size(b[0]) + 8);
    free(b[0]);
    return 0;
}
