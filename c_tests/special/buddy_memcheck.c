// Memcheck knows each block as large as it was asked for.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 40 free'd$
#include "check.h"
#include "metes.h"

// Without metes when it is linked: found when it runs.
#define FIND(name) __typeof__(name) *name##_ = (__typeof__(name) *)(uintptr_t)dlsym(RTLD_DEFAULT, #name)

static volatile int sink;

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

int main(void) {
    FIND(metes_buddy_new);
    FIND(metes_buddy_alloc);
    FIND(metes_buddy_realloc);
    FIND(metes_buddy_free);
    FIND(metes_buddy_destroy);
    static char range[1 << 16];
    struct metes_buddy *buddy = metes_buddy_new_(range, sizeof range, NULL);
    char *p = metes_buddy_alloc_(buddy, 40);
    opaque(p)[40] = 1;
    branch(p + 3);
    memset(p, 1, 40);
    char *q = metes_buddy_realloc_(buddy, p, 50);
    CHECK(q != p);
    sink += *(volatile char *)(p + 4);
    branch(q + 39);
    metes_buddy_free_(buddy, q);
    metes_buddy_destroy_(buddy);
    range[40] = 1;
    branch(range + 40);
    return 0;
}
