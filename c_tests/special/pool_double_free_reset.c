// An object freed that a reset has freed.
// stderr: metes: M001 double free: metes_pool_free\(0x[0-9a-f]+\): this object of 48 bytes is free already
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    char *p = metes_pool_alloc(pool);
    CHECK(p);
    metes_pool_reset(pool);
    metes_pool_free(pool, opaque(p));
    return 0;
}
