// With abort=no a call that is reported does nothing.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: metes_buddy_free\(0x[0-9a-f]+\): this block is free already
// stderr: metes: M003 interior pointer: metes_buddy_realloc\(0x[0-9a-f]+\): 64 bytes into the block of 128 bytes at 0x[0-9a-f]+
// stderr: metes: M002 freed pointer: metes_buddy_usable_size\(0x[0-9a-f]+\): this block is free already
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 17, NULL);
    char *p = metes_buddy_alloc(buddy, 100), *q = metes_buddy_alloc(buddy, 100);
    metes_buddy_free(buddy, p);
    metes_buddy_free(buddy, opaque(p));
    errno = 0;
    CHECK(!metes_buddy_realloc(buddy, opaque(q + 64), 1000) && errno == EINVAL);
    CHECK(metes_buddy_usable_size(buddy, opaque(p)) == 0 && metes_buddy_usable_size(buddy, q) == 128);
    CHECK(metes_buddy_check(buddy) == NULL);
    CHECK(metes_buddy_alloc(buddy, 128) == p);
    metes_buddy_destroy(buddy);
    check_heap();
    return 0;
}
