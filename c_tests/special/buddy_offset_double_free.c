// An offset freed twice.
// stderr: metes: M001 double free: metes_buddy_free_offset\(0x400\): this block is free already
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 20, NULL);
    char *p = metes_buddy_alloc(buddy, 1000);
    CHECK(p);
    size_t offset = metes_buddy_alloc_offset(buddy, 1024);
    metes_buddy_free_offset(buddy, offset);
    metes_buddy_free_offset(buddy, offset);
    return 0;
}
