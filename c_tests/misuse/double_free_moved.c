// The old address of a block that realloc has moved.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block is free already, in a free block of [0-9]+ bytes|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[3];
    row(b, 3, 3000);
    char *moved = realloc(b[1], 20000);
    if (moved == opaque(b[1])) return 2;
    free(opaque(b[1]));
    return 0;
}
