// A freed block is written to, and met.
// stderr: metes: M006 free block written to: the free block of 104 bytes at 0x[0-9a-f]+: its bytes 0 to 7 are 0x4141414141414141
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, q);
    memset(opaque(q), 0x41, 16);
    q = metes_freelist_malloc(list, 104);
    return 0;
}
