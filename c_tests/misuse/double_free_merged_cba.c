// The middle one of three neighbours freed again after all have merged, highest first.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block is free already, in a free block of [0-9]+ bytes|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[3];
    row(b, 3, 3000);
    free(b[2]);
    free(b[1]);
    free(b[0]);
    free(opaque(b[1]));
    return 0;
}
