// The mix of requests that the stress programs share: every way to get a block, stamped by its owner, and checked
// before it is given back. There is no state, so threads and signal handlers can use it.
#ifndef MIX_H
#define MIX_H

#include "check.h"

struct block {
    unsigned char *at;
    size_t size;
    unsigned seed;
};

// To touch all bytes would be too slow. Both ends and one byte a page show what overlaps.
enum { EDGE = 64, STEP = 4096 };

__attribute__((unused)) static void stamp(struct block b) {
    size_t edge = b.size < EDGE ? b.size : EDGE;
    fill(b.at, 0, edge, b.seed);
    for (size_t i = STEP; i < b.size; i += STEP) b.at[i] = pattern_at(i, b.seed);
    fill(b.at, b.size - edge, b.size, b.seed);
}

__attribute__((unused)) static void check_stamp_to(struct block b, size_t size) {
    size_t edge = b.size < EDGE ? b.size : EDGE;
    CHECK(holds(b.at, 0, edge < size ? edge : size, b.seed));
    for (size_t i = STEP; i < size; i += STEP) CHECK(b.at[i] == pattern_at(i, b.seed));
    if (size == b.size) CHECK(holds(b.at, b.size - edge, b.size, b.seed));
}

__attribute__((unused)) static void check_stamp(struct block b) { check_stamp_to(b, b.size); }

// Many small sizes, as in real programs, up to 64 KiB, and one in 512 up to 4 MiB.
__attribute__((unused)) static size_t some_size(uint64_t *random) {
    uint64_t r = next_random(random);
    size_t top = (size_t)1 << (r % 512 == 0 ? 22 : 3 + (r >> 10) % 14);
    return 1 + (r >> 20) % top;
}

__attribute__((unused)) static struct block take_sized(uint64_t *random, size_t size) {
    struct block b = {NULL, size, (unsigned)next_random(random)};
    size_t alignment = (size_t)16 << next_random(random) % 9;
    void *at = NULL;
    switch (next_random(random) % 16) {
    case 0:
    case 1:
        at = calloc(1, size);
        CHECK(at && all_bytes_are(at, size, 0));
        break;
    case 2:
        b.size = size = (size + alignment - 1) & ~(alignment - 1);
        at = aligned_alloc(alignment, size);
        CHECK(is_aligned(at, alignment));
        break;
    case 3:
        CHECK(posix_memalign(&at, alignment, size) == 0);
        CHECK(is_aligned(at, alignment));
        break;
    case 4: at = realloc(NULL, size); break;
    case 5: at = memalign(alignment, size); break;
    default: at = malloc(size);
    }
    CHECK(at && is_aligned(at, 16));
    b.at = (unsigned char *)at;
    stamp(b);
    return b;
}

__attribute__((unused)) static struct block take(uint64_t *random) { return take_sized(random, some_size(random)); }

__attribute__((unused)) static struct block resize(struct block b, size_t size) {
    check_stamp(b);
    struct block moved = {(unsigned char *)realloc(b.at, size), size, b.seed};
    CHECK(moved.at);
    b.at = moved.at;
    check_stamp_to(b, size < b.size ? size : b.size);
    stamp(moved);
    return moved;
}

__attribute__((unused)) static void give(struct block b) {
    check_stamp(b);
    free(b.at);
}

__attribute__((unused)) static long argument(int argc, char **argv, int which, long otherwise) {
    return argc > which ? strtol(argv[which], NULL, 10) : otherwise;
}

#endif
