// A pointer into a block.
// stderr: metes: M003 interior pointer: metes_buddy_free\(0x[0-9a-f]+\): 1023 bytes into the block of 1024 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 20, NULL);
    char *p = metes_buddy_alloc(buddy, 1000);
    CHECK(p);
    metes_buddy_free(buddy, opaque(p + 1023));
    return 0;
}
