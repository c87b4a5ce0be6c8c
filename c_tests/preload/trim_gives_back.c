// Freed memory leaves the resident set that monitors read, on malloc_trim, with live blocks strewn in between.
#include "check.h"

int main(void) {
    enum { BLOCKS = 40000 };
    static char *blocks[BLOCKS];
    served_by_metes();
    size_t start = resident_bytes();
    for (int i = 0; i < BLOCKS; i++) {
        CHECK((blocks[i] = malloc(4000)));
        memset(blocks[i], 1, 4000);
    }
    size_t full = resident_bytes();
    CHECK(full > start + 100 * MIB);
    for (int i = 0; i < BLOCKS; i++)
        if (i % 64) free(blocks[i]);
    malloc_trim(0);
    CHECK(resident_bytes() < start + (full - start) / 4);
    for (int i = 0; i < BLOCKS; i += 64) {
        CHECK(all_bytes_are(blocks[i], 4000, 1));
        free(blocks[i]);
    }
    malloc_trim(0);
    CHECK(resident_bytes() < start + 8 * MIB);
    check_heap();
    return 0;
}
