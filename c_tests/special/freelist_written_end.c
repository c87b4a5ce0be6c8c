// The end of a freed block is written to, and the next block is freed.
// stderr: metes: M006 free block written to: the free block before 0x[0-9a-f]+: its last 8 bytes are 0x4141414141414141
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, q);
    memset(opaque(q) + 96, 0x41, 8);
    metes_freelist_free(list, r);
    return 0;
}
