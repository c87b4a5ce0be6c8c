// realloc's edge cases: NULL is malloc, zero is free. The contents stay up to the lesser of both sizes, whichever
// tiers the block moves between.

#include "check.h"

static const size_t sizes[] = {1,         7,          16,         24,        100,
                               512,       1000,       1024,       3000,      8 * KIB,
                               20 * KIB,  33 * KIB,   64 * KIB,   100 * KIB, 128 * KIB,
                               200 * KIB, 1 * MIB - 1, 3 * MIB,   5 * MIB + 12};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void null_is_malloc(void) {
    for (size_t i = 0; i < SIZES; i++) {
        void *block = realloc(NULL, sizes[i]);
        CHECK(block && malloc_usable_size(block) >= sizes[i]);
        memset(block, 1, sizes[i]);
        free(block);
    }
    void *zero = realloc(NULL, opaque((size_t)0));
    void *other = realloc(NULL, opaque((size_t)0));
    CHECK(zero && other && zero != other);
    free(zero);
    free(other);
}

static void zero_is_free(void) {
    for (size_t i = 0; i < SIZES; i++)
        CHECK(realloc(malloc(sizes[i]), opaque((size_t)0)) == NULL);
    // If they were not freed, this would use 3 GB.
    size_t before = resident_bytes();
    for (int i = 0; i < 30000; i++) {
        char *block = (char *)malloc(100 * KIB);
        for (size_t at = 0; at < 100 * KIB; at += 4096)
            block[at] = 1;
        CHECK(realloc(block, opaque((size_t)0)) == NULL);
    }
    CHECK(resident_bytes() < before + 64 * MIB);
}

// A block with a neighbour behind it cannot grow in place. Without one, it may.
static void every_size_to_every_other(int with_neighbour) {
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t k = 0; k < SIZES; k++) {
            size_t lesser = sizes[i] < sizes[k] ? sizes[i] : sizes[k];
            void *block = malloc(sizes[i]);
            CHECK(block);
            fill(block, 0, sizes[i], 3);
            void *neighbour = with_neighbour ? malloc(sizes[i]) : NULL;
            block = realloc(block, sizes[k]);
            CHECK(block && is_aligned(block, 16) && malloc_usable_size(block) >= sizes[k]);
            CHECK(holds(block, 0, lesser, 3));
            memset(block, 0x5a, sizes[k]);
            free(neighbour);
            free(block);
        }
    }
}

static void the_same_size_changes_nothing(void) {
    for (size_t i = 0; i < SIZES; i++) {
        void *block = malloc(sizes[i]);
        fill(block, 0, sizes[i], 9);
        void *before = block;
        size_t usable = malloc_usable_size(block);
        for (int k = 0; k < 3; k++) {
            block = realloc(block, sizes[i]);
            CHECK(block == before && malloc_usable_size(block) == usable && holds(block, 0, sizes[i], 9));
        }
        free(block);
    }
}

// A block keeps the room beyond its requested size, so that it grows in place by small steps.
static void room_is_kept(void) {
    for (size_t size = 33 * KIB; size < 256 * KIB; size += 16 * KIB) {
        char *block = malloc(size);
        CHECK(block);
        size_t usable = malloc_usable_size(block);
        for (size_t n = size; n + 64 <= usable; n += 64)
            CHECK(realloc(block, n) == block && malloc_usable_size(block) == usable);
        free(block);
    }
}

// Some programs allocate for the worst case and shrink the block afterwards, as Python does for strings. They pay
// only for what they use.
static void what_shrinks_gives_back(void) {
    for (size_t size = 32; size <= 8 * KIB; size += size < 64 ? 16 : size / 4 & ~(size_t)15) {
        for (size_t n = 1; n <= size; n += 7) {
            char *block = malloc(size);
            CHECK(block);
            fill(block, 0, size, 5);
            block = realloc(block, n);
            CHECK(block && holds(block, 0, n, 5));
            CHECK(malloc_usable_size(block) <= n + n / 2 + 16);
            free(block);
        }
    }
}

int main(void) {
    served_by_metes();
    null_is_malloc();
    zero_is_free();
    every_size_to_every_other(0);
    check_heap();
    every_size_to_every_other(1);
    the_same_size_changes_nothing();
    room_is_kept();
    what_shrinks_gives_back();
    check_heap();
}
