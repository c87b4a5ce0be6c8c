// A freed block is to be resized.
// stderr: metes: M002 freed pointer: metes_freelist_realloc\(0x[0-9a-f]+\): this block of 104 bytes is free already
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, q);
    q = metes_freelist_realloc(list, opaque(q), 200);
    return 0;
}
