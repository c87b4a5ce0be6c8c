// A string written one byte past its end: the terminating zero hits the neighbour's header.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: free\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[2];
    row(b, 2, 3000);
    // A zero over a zero is no change, so the byte that is written differs from the one there.
    char *past = (char *)opaque(b[0]) + malloc_usable_size(b[0]);
    *past = (char)~*past;
    free(b[1]);
    return 0;
}
