// With abort=no a call that is reported does nothing.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: metes_pool_free\(0x[0-9a-f]+\): this object of 100 bytes is free already
// stderr: metes: M003 interior pointer: metes_pool_free\(0x[0-9a-f]+\): 1 bytes into the object of 100 bytes at 0x[0-9a-f]+
// stderr: metes: M004 foreign pointer: metes_pool_free\(0x[0-9a-f]+\): not from this pool; it is in the stack
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(100, NULL);
    char *p = metes_pool_alloc(pool), *q = metes_pool_alloc(pool);
    metes_pool_free(pool, p);
    metes_pool_free(pool, opaque(p));
    metes_pool_free(pool, opaque(q + 1));
    metes_pool_free(pool, opaque((char *)&q));
    CHECK(metes_pool_count(pool) == 1 && metes_pool_check(pool) == NULL);
    CHECK(metes_pool_alloc(pool) == p && metes_pool_alloc(pool) != p);
    metes_pool_destroy(pool);
    check_heap();
    return 0;
}
