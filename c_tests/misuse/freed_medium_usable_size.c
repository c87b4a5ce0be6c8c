// malloc_usable_size of a freed block too large for slabs, which is kept in the thread's cache.
// stderr: metes: M002 freed pointer: malloc_usable_size\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(40000);
    free(p);
    return malloc_usable_size(opaque(p)) != 0;
}
