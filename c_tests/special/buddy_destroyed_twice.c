// What is destroyed is no allocator.
// stderr: metes: M001 double free: metes_buddy_destroy\(0x[0-9a-f]+\): no buddy allocator is here, or no more
// exit: SIGABRT
#include "check.h"
#include "metes.h"

static char range[4096], control[65536] __attribute__((aligned(16)));

int main(void) {
    struct metes_buddy_options options = {.size = sizeof options, .control = control, .control_bytes = sizeof control};
    struct metes_buddy *buddy = metes_buddy_new(range, sizeof range, &options);
    CHECK((char *)buddy == control);
    metes_buddy_destroy(buddy);
    metes_buddy_destroy(buddy);
    return 0;
}
