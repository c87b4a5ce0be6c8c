// The second word of a freed small block is written to, and then the block is freed again. The thread's cache cannot
// tell. The slab's bitmap does, when the cache is emptied.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 112 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <malloc.h>

int main(void) {
    char *p = malloc(100);
    free(p);
    memset(opaque(p) + 8, 7, 8);
    free(opaque(p));
    malloc_trim(0);
    return 0;
}
