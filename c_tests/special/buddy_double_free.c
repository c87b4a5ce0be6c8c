// A block freed twice.
// stderr: metes: M001 double free: metes_buddy_free\(0x[0-9a-f]+\): this block is free already
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 20, NULL);
    char *p = metes_buddy_alloc(buddy, 1000);
    CHECK(p);
    metes_buddy_free(buddy, p);
    metes_buddy_free(buddy, opaque(p));
    return 0;
}
