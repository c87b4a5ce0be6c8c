// The same block freed twice.
// stderr: metes: M001 double free: metes_freelist_free\(0x[0-9a-f]+\): this block of 104 bytes is free already
// detail: free list of 4096 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, q);
    metes_freelist_free(list, opaque(q));
    return 0;
}
