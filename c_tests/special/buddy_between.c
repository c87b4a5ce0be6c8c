// A pointer to where no block can start.
// stderr: metes: M003 interior pointer: metes_buddy_free\(0x[0-9a-f]+\): no block can start here
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 20, NULL);
    char *p = metes_buddy_alloc(buddy, 1000);
    CHECK(p);
    metes_buddy_free(buddy, opaque(p + 4097));
    return 0;
}
