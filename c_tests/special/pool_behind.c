// A pointer behind the last object of a slab.
// stderr: metes: M003 interior pointer: metes_pool_free\(0x[0-9a-f]+\): no object starts here, behind the last of its slab
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    char *p = metes_pool_alloc(pool);
    CHECK(p);
    metes_pool_free(pool, opaque(p + 48 * 1365));
    return 0;
}
