// Allocates a little of everything, for programs that test what goes on around it.
#ifndef LIFE_H
#define LIFE_H

#include "check.h"

__attribute__((unused)) static void life(unsigned seed) {
    static const size_t sizes[] = {1, 16, 24, 100, 1000, 5000, 30000, 70000, 300000, 2 * MIB};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    unsigned char *blocks[SIZES];
    for (unsigned i = 0; i < SIZES; i++) {
        size_t size = sizes[(i + seed) % SIZES];
        blocks[i] = (unsigned char *)(i % 3 ? malloc(size) : calloc(1, size));
        CHECK(blocks[i] && is_aligned(blocks[i], 16));
        CHECK(i % 3 || all_bytes_are(blocks[i], size, 0));
        fill(blocks[i], 0, size < 64 ? size : 64, seed + i);
    }
    for (unsigned i = 0; i < SIZES; i++) {
        size_t size = sizes[(i + seed) % SIZES];
        if (i % 2) blocks[i] = (unsigned char *)realloc(blocks[i], size * 2);
        CHECK(blocks[i] && holds(blocks[i], 0, size < 64 ? size : 64, seed + i));
    }
    for (unsigned i = 0; i < SIZES; i++) free(blocks[(i * 3 + seed) % SIZES]);
    void *aligned = NULL;
    CHECK(posix_memalign(&aligned, 4096, 100 + seed % 100) == 0 && is_aligned(aligned, 4096));
    free(aligned);
}

#endif
