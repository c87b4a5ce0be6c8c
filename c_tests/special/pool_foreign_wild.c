// A number that is no address: nothing of it is read.
// stderr: metes: M004 foreign pointer: metes_pool_free\(0xdeadbeef000\): not from this pool; it is not mapped
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_pool *pool = metes_pool_new(48, NULL);
    char *p = metes_pool_alloc(pool);
    CHECK(p);
    metes_pool_free(pool, opaque((void *)0xdeadbeef000));
    return 0;
}
