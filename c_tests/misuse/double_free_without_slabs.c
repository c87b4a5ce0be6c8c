// The same block of 30,000 bytes freed twice, with a live block on either side.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block is free already, in a free block of [0-9]+ bytes
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[3];
    row(b, 3, 30000);
    free(b[1]);
    free(opaque(b[1]));
    return 0;
}
