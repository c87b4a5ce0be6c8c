// A small heap block takes the place of a block that was cached, and then grows in place. metes must not take it for
// a freed block.
#include "check.h"

// The cache keeps freed blocks of CACHED bytes; COUNT is more than it holds.
enum { COUNT = 100, UNIT = 65536, CACHED = 40960 };

static unsigned char *cached[COUNT];

static int was_cached(const void *block) {
    for (int i = 0; i < COUNT; i++)
        if (cached[i] == block) return 1;
    return 0;
}

int main(void) {
    int grown = 0;
    for (int i = 0; i < COUNT; i++) CHECK(cached[i] = memalign(UNIT, CACHED));
    for (int i = 0; i < COUNT; i++) free(cached[i]);
    for (int i = 0; i < COUNT; i++) {
        unsigned char *small = memalign(2 * UNIT, 1), *large;
        CHECK(small);
        small[0] = 1;
        CHECK((large = realloc(small, 2 * CACHED)) && malloc_usable_size(large) >= 2 * CACHED && large[0] == 1);
        grown += large == small && was_cached(small);
    }
    CHECK(grown != 0);
    check_heap();
    return 0;
}
