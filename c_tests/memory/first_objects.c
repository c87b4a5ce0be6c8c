// The first block of a size takes one page, whatever other blocks there are: nothing of metes' own is on the other
// pages of its slab.
// ways: so preload
#include "check.h"

#include <sys/mman.h>

enum { UNIT = 64 << 10, PAGE = 4096, STEP = 16, MOST = 1024, SLABS = 24 };

static size_t resident_pages(char *unit) {
    unsigned char pages[UNIT / PAGE];
    CHECK(mincore(unit, UNIT, pages) == 0);
    size_t resident = 0;
    for (size_t i = 0; i < UNIT / PAGE; i++) resident += pages[i] & 1;
    return resident;
}

int main(void) {
    served_by_metes();
    // A hole without room for a slab that starts at a unit.
    void *hole = opaque(malloc(110000)), *behind = opaque(malloc(50000));
    CHECK(hole && behind);
    free(hole);
    char *last = NULL;
    size_t slabs = 0, pages = 0;
    for (size_t size = STEP; size <= MOST && slabs < SLABS; size += STEP) {
        char *block = opaque(malloc(size));
        CHECK(block);
        char *unit = block - (uintptr_t)block % UNIT;
        if (unit == last) continue;
        last = unit;
        memset(block, 1, size);
        pages += resident_pages(unit);
        slabs++;
    }
    free(behind);
    CHECK(slabs >= 16);
    // A cache's first fill takes a page of objects at most, which may lie across two pages. A run of slabs begins
    // and ends with a header.
    if (pages > slabs + slabs / 2) {
        printf("%zu pages of %zu slabs\n", pages, slabs);
        return 1;
    }
    return 0;
}
