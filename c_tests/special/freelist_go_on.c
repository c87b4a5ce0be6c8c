// With abort=no each misuse is reported, its call does nothing, and the list is whole.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: metes_freelist_free\(0x[0-9a-f]+\): this block of 104 bytes is free already
// stderr: metes: M003 interior pointer: metes_freelist_free\(0x[0-9a-f]+\): 16 bytes into the block of 104 bytes at 0x[0-9a-f]+
// stderr: metes: M003 interior pointer: metes_freelist_free\(0x[0-9a-f]+\): in the control block of the free list at 0x[0-9a-f]+
// stderr: metes: M004 foreign pointer: metes_freelist_free\(0x[0-9a-f]+\): not from the free list at 0x[0-9a-f]+
// stderr: metes: M002 freed pointer: metes_freelist_realloc\(0x[0-9a-f]+\): this block of 104 bytes is free already
// stderr: metes: M002 freed pointer: metes_freelist_usable_size\(0x[0-9a-f]+\): this block of 104 bytes is free already
#include "check.h"

#include "metes.h"

_Alignas(16) static unsigned char buffer[4096];

int main(void) {
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, NULL);
    char *p = metes_freelist_malloc(list, 104), *q = metes_freelist_malloc(list, 104), *r = metes_freelist_malloc(list, 104);
    CHECK(p && q && r);
    metes_freelist_free(list, q);
    metes_freelist_free(list, opaque(q));
    metes_freelist_free(list, p + 16);
    metes_freelist_free(list, buffer + 16);
    metes_freelist_free(list, &list);
    errno = 0;
    CHECK(metes_freelist_realloc(list, opaque(q), 200) == NULL && errno == EINVAL);
    CHECK(metes_freelist_usable_size(list, opaque(q)) == 0);
    CHECK(!metes_freelist_check(list));
    metes_freelist_free(list, p);
    metes_freelist_free(list, r);
    CHECK(!metes_freelist_check(list));
    return 0;
}
