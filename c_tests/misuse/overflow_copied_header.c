// A neighbour's header replaced by a copy of the block's own: valid, but not at that address.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: free\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[2];
    row(b, 2, 3000);
    memcpy((char *)opaque(b[1]) - 8, (char *)opaque(b[0]) - 8, 8);
    free(b[1]);
    return 0;
}
