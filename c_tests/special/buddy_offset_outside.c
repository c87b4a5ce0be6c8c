// An offset behind the range.
// stderr: metes: M004 foreign pointer: metes_buddy_free_offset\(0x100000\): not in the range of this allocator
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1 << 20, NULL);
    char *p = metes_buddy_alloc(buddy, 1000);
    CHECK(p);
    metes_buddy_free_offset(buddy, 1 << 20);
    return 0;
}
