// metes says what is wrong with a pointer that is given back, memcheck adds what it knows of the place, and the
// program goes on.
// exit: 9
// stderr: metes: M001 double free: free\(0x\w+\): this block of 10 bytes is free already
// stderr: Invalid free\(\) / delete / delete\[\] / realloc\(\)
// detail: Address 0x.* is 0 bytes inside a block of size 10 free'd$
// stderr: metes: M003 interior pointer: free\(0x\w+\): 16 bytes into the block of 100 bytes at 0x\w+
// stderr: Invalid free\(\) / delete / delete\[\] / realloc\(\)
// detail: Address 0x.* is 16 bytes inside a block of size 100 alloc'd$
// stderr: metes: M004 foreign pointer: free\(0x\w+\): not from metes; it is in the stack
// stderr: Invalid free\(\) / delete / delete\[\] / realloc\(\)
// detail: Address 0x.* is on thread 1's stack$
// stderr: metes: M002 freed pointer: realloc\(0x\w+\): this block of 10 bytes is free already
// stderr: Invalid free\(\) / delete / delete\[\] / realloc\(\)
// stderr: metes: M002 freed pointer: malloc_usable_size\(0x\w+\): this block of 10 bytes is free already
// stderr: Unaddressable byte\(s\) found during client check request
// stderr: metes: M011 wrong size: free\(0x\w+\): this block has 10 bytes, and 11 were said
// stderr: Unaddressable byte\(s\) found during client check request
// stdout: went on
#include "check.h"

#include <malloc.h>

void free_sized(void *p, size_t size) __attribute__((weak));

int main(void) {
    int local = 0;
    char *p = opaque(malloc(10)), *q = opaque(malloc(100));
    free(p);
    free(opaque(p));
    free(opaque(q + 16));
    free(opaque(&local));
    CHECK(realloc(opaque(p), 20) == NULL);
    CHECK(malloc_usable_size(opaque(p)) == 0);
    free(q);
    free_sized(malloc(10), 11);
    puts("went on");
    return 0;
}
