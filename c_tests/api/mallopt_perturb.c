// M_PERTURB: a freed block holds the byte, a fresh one its complement, calloc's zero.

#include "check.h"

#define BYTE 0x5a

static const size_t sizes[] = {40, 1000, 5000, 30 * KIB, 90 * KIB, 700 * KIB, 3 * MIB};

int main(void) {
    served_by_metes();
    CHECK(mallopt(M_PERTURB, BYTE) == 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        unsigned char *fresh = (unsigned char *)malloc(size);
        CHECK(fresh && all_bytes_are(fresh, size, BYTE ^ 0xff));
        memset(fresh, 1, size);
        void *zeroed = calloc(1, size);
        CHECK(zeroed && all_bytes_are(zeroed, malloc_usable_size(zeroed), 0));
        free(zeroed);
        zeroed = calloc(1, size);
        CHECK(zeroed && all_bytes_are(zeroed, malloc_usable_size(zeroed), 0));
        free(zeroed);
        // The allocator may keep words of its own at either end of a free block, and larger blocks may be unmapped.
        // glibc's thread cache does not fill blocks.
        free(opaque(fresh));
        if (size >= (is_metes() ? 1000 : 2000) && size <= 30 * KIB)
            CHECK(all_bytes_are(opaque(fresh) + size / 4, size / 4, BYTE));
    }

    // Growing keeps the contents, whatever bytes follow them.
    void *block = malloc(2000);
    fill(block, 0, 2000, 1);
    block = realloc(block, 50000);
    CHECK(block && holds(block, 0, 2000, 1));
    block = realloc(block, 1000);
    CHECK(block && holds(block, 0, 1000, 1));
    free(block);

    CHECK(mallopt(M_PERTURB, 0) == 1);
    for (size_t size = 1; size < 2 * MIB; size *= 2) {
        void *zeroed = calloc(1, size);
        CHECK(zeroed && all_bytes_are(zeroed, malloc_usable_size(zeroed), 0));
        free(zeroed);
    }
    check_heap();
}
