// What is no free list is used as one.
// stderr: metes: M007 heap damaged: metes_freelist_malloc: the free list at 0x[0-9a-f]+: none is there
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    memset(buffer, 0, sizeof buffer);
    p = metes_freelist_malloc(list, 104);
    return 0;
}
