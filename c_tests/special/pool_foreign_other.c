// An object of another pool.
// stderr: metes: M004 foreign pointer: metes_pool_free\(0x[0-9a-f]+\): not from this pool; it is in an anonymous mapping
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    char *p = metes_pool_alloc(pool);
    CHECK(p);
    struct metes_pool *other = metes_pool_new(48, NULL);
    metes_pool_free(pool, metes_pool_alloc(other));
    return 0;
}
