// realloc of a freed block to a smaller size, which would not need to move.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M002 freed pointer: realloc\(0x[0-9a-f]+\): this block is free already, in a free block of [0-9]+ bytes
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[3];
    row(b, 3, 3000);
    free(b[1]);
    return realloc(opaque(b[1]), 100) != NULL;
}
