// calloc's memory is zero, whatever its previous use left in it.

#include "check.h"

#define KEPT 2000

static const size_t mixed[] = {8,        24,       64,       200,      1000,    3000,
                               9 * KIB,  40 * KIB, 90 * KIB, 200 * KIB, 1 * MIB, 3 * MIB};

// Leaves free memory of every kind, filled with ones.
static void dirty_the_heap(uint64_t *random) {
    static void *blocks[KEPT];
    for (int i = 0; i < KEPT; i++) {
        size_t kind = next_random(random) % 1024;
        size_t size = mixed[kind < 8 ? 6 + kind % 6 : kind % 6] + next_random(random) % 64;
        blocks[i] = malloc(size);
        CHECK(blocks[i]);
        memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
    }
    for (int step = 0; step < 2; step++)
        for (int i = step; i < KEPT; i += 2)
            free(blocks[i]);
}

static void check_zero(size_t count, size_t size) {
    void *block = calloc(count, size);
    CHECK(block && is_aligned(block, 16));
    CHECK(all_bytes_are(block, malloc_usable_size(block), 0));
    memset(block, 0xff, malloc_usable_size(block));
    free(block);
}

// Several at once, so that more than the block freed last is handed out.
static void check_zero_rows(size_t size) {
    void *row[16];
    for (int i = 0; i < 16; i++) {
        row[i] = calloc(1, size);
        CHECK(row[i] && all_bytes_are(row[i], malloc_usable_size(row[i]), 0));
        memset(row[i], 0xff, malloc_usable_size(row[i]));
    }
    for (int i = 0; i < 16; i++)
        free(row[i]);
}

int main(void) {
    served_by_metes();
    uint64_t random = 7;
    for (size_t size = 0; size <= 4096; size++) {
        if (size % 512 == 0)
            dirty_the_heap(&random);
        check_zero(1, size);
        check_zero_rows(size);
    }
    for (size_t size = 4096; size <= 12 * MIB; size += size / 9) {
        if (size < MIB)
            check_zero_rows(size);
        check_zero(1, size);
        check_zero(size / 8, 8);
        dirty_the_heap(&random);
    }
    check_heap();

    void *none = calloc(0, opaque((size_t)0)), *other = calloc(opaque((size_t)5), 0);
    CHECK(none && other && none != other);
    free(none);
    free(other);
    check_heap();
}
