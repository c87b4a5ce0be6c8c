// free(NULL) does nothing. free keeps errno, so that cleaning up after a failed call does not lose the reason.

#include "check.h"
#include <sys/mman.h>

static const size_t sizes[] = {0, 24, 1000, 20 * KIB, 100 * KIB, 300 * KIB, 2 * MIB, 80 * MIB};

static void errno_stays(void) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = malloc(sizes[i]);
        CHECK(block);
        errno = EXDEV;
        free(block);
        CHECK(errno == EXDEV);
    }
    // Enough blocks to cause flushes, merges and purges.
    static void *blocks[20000];
    for (int i = 0; i < 20000; i++)
        blocks[i] = malloc(sizes[i % 5]);
    for (int i = 0; i < 20000; i++) {
        errno = EXDEV;
        free(blocks[i]);
        CHECK(errno == EXDEV);
    }
}

// Giving back a part of a locked range fails inside free. The caller's errno must not show it.
static void errno_stays_when_memory_is_locked(void) {
    void *block = malloc(2 * MIB);
    CHECK(block);
    memset(block, 1, 2 * MIB);
    mlock(block, 64 * KIB);
    errno = EXDEV;
    free(block);
    CHECK(errno == EXDEV);
}

int main(void) {
    served_by_metes();
    for (int i = 0; i < 1000; i++)
        free(opaque((void *)NULL));
    errno = EXDEV;
    free(opaque((void *)NULL));
    CHECK(errno == EXDEV);
    errno_stays();
    errno_stays_when_memory_is_locked();
    if (cfree) {
        cfree(malloc(100));
        cfree(NULL);
    }
    check_heap();
}
