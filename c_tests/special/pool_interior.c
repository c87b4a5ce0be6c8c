// A pointer into an object.
// stderr: metes: M003 interior pointer: metes_pool_free\(0x[0-9a-f]+\): 16 bytes into the object of 48 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    char *p = metes_pool_alloc(pool);
    CHECK(p);
    metes_pool_free(pool, opaque(p + 16));
    return 0;
}
