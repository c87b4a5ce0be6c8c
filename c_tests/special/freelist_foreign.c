// A block of malloc is freed.
// stderr: metes: M004 foreign pointer: metes_freelist_free\(0x[0-9a-f]+\): not from the free list at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, malloc(100));
    return 0;
}
