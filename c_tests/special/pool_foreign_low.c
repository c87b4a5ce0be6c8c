// Addresses that no object has are freed while no object was handed out last.
// env: METES_OPTIONS=abort=no
// stderr: metes: M004 foreign pointer: metes_pool_free\(0x1\): not from this pool; it is not mapped
// stderr: metes: M004 foreign pointer: metes_pool_free\(0x2\): not from this pool; it is not mapped
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    metes_pool_free(pool, opaque((void *)1));
    char *p = metes_pool_alloc(pool);
    CHECK((uintptr_t)p > 4096 && metes_pool_count(pool) == 1);
    metes_pool_free(pool, p);
    metes_pool_free(pool, opaque((void *)2));
    CHECK(metes_pool_count(pool) == 0 && !metes_pool_check(pool) && metes_pool_alloc(pool) == p);
    metes_pool_destroy(pool);
    return 0;
}
