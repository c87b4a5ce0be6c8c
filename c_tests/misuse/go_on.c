// With abort=no each misuse is reported and its call does nothing: the program goes on, and the heap is whole.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 112 bytes is free already
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 16 bytes into the block of 112 bytes at 0x[0-9a-f]+
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in the stack
// stderr: metes: M002 freed pointer: realloc\(0x[0-9a-f]+\): this block of 112 bytes is free already
// stderr: metes: M002 freed pointer: malloc_usable_size\(0x[0-9a-f]+\): this block of 112 bytes is free already
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 4096 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 65536 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
#include "check.h"

int main(void) {
    int local = 0;
    char *p = malloc(100), *q = malloc(100);
    free(p);
    free(opaque(p));
    free(opaque(q + 16));
    free(opaque(&local));
    errno = 0;
    CHECK(realloc(opaque(p), 200) == NULL && errno == EINVAL);
    CHECK(malloc_usable_size(opaque(p)) == 0);
    char *medium = malloc(100000), *large = malloc(10 * MIB);
    memset(medium, 1, 100000);
    memset(large, 2, 10 * MIB);
    free(opaque(medium + 4096));
    free(opaque(large + 65536));
    CHECK(medium[99999] == 1 && large[10 * MIB - 1] == 2);
    free(q);
    free(medium);
    free(large);
    check_heap();
    return 0;
}
