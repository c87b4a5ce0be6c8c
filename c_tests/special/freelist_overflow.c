// A block is written past its end, into the header of the next one, and freed.
// stderr: metes: M005 header overwritten: the 8 bytes before 0x[0-9a-f]+ in the free list at 0x[0-9a-f]+ are 0x4141414141414141; the block before it, in use, has 104 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    memset(opaque(p), 0x41, 112);
    metes_freelist_free(list, p);
    return 0;
}
