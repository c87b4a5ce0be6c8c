// Aligned blocks of every tier of size, with every alignment up to 64 MiB and with 1 GiB. realloc and free treat
// them like any other block.

#include "check.h"

static const size_t sizes[] = {0,       1,        16,       40,        100,    1000,   4096,
                               5000,    20 * KIB, 64 * KIB, 100 * KIB, 1 * MIB, 3 * MIB};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void *aligned_by(int entry, size_t alignment, size_t size) {
    void *block = NULL;
    if (entry == 0)
        return memalign(alignment, size);
    if (entry == 1)
        return aligned_alloc(alignment, size);
    CHECK(posix_memalign(&block, alignment, size) == 0);
    return block;
}

static void check_pair(size_t alignment, size_t size) {
    for (int entry = 0; entry < 3; entry++) {
        unsigned char *first = (unsigned char *)aligned_by(entry, alignment, size);
        unsigned char *second = (unsigned char *)aligned_by(entry, alignment, size);
        CHECK(first && second && first != second);
        CHECK(is_aligned(first, alignment) && is_aligned(second, alignment));
        size_t usable = malloc_usable_size(first);
        CHECK(usable >= size);
        fill(first, 0, usable, 1);
        fill(second, 0, size, 2);
        CHECK(holds(first, 0, usable, 1));
        free(first);
        CHECK(holds(second, 0, size, 2));
        free(second);
    }
}

// realloc may lose the alignment, but not the contents.
static void check_realloc(size_t alignment, size_t size) {
    size_t targets[] = {1, 100, 5000, 70 * KIB, 2 * MIB};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        void *block = memalign(alignment, size);
        CHECK(block);
        fill(block, 0, size, 3);
        block = realloc(block, targets[i]);
        CHECK(block && malloc_usable_size(block) >= targets[i]);
        CHECK(holds(block, 0, size < targets[i] ? size : targets[i], 3));
        memset(block, 0xa5, targets[i]);
        free(block);
    }
}

// Keeps a row of blocks at once: the space between aligned blocks belongs to none of them.
static void check_row(size_t alignment, size_t size) {
    static void *row[64];
    for (int i = 0; i < 64; i++) {
        row[i] = memalign(alignment, size);
        CHECK(row[i] && is_aligned(row[i], alignment));
        fill(row[i], 0, size, (unsigned)i);
    }
    for (int i = 0; i < 64; i++)
        CHECK(holds(row[i], 0, size, (unsigned)i));
    for (int i = 0; i < 64; i += 2)
        free(row[i]);
    check_heap();
    for (int i = 1; i < 64; i += 2)
        free(row[i]);
}

int main(void) {
    served_by_metes();
    for (size_t alignment = sizeof(void *); alignment <= 64 * MIB; alignment *= 2) {
        for (size_t i = 0; i < SIZES; i++) {
            // Writing megabytes takes most of the time: a few alignments will do.
            if (sizes[i] >= MIB && alignment % (16 * MIB) && alignment != 64 && alignment != 128 * KIB)
                continue;
            check_pair(alignment, sizes[i]);
            if (i % 3 == 1)
                check_realloc(alignment, sizes[i]);
        }
        if (alignment <= MIB) {
            check_row(alignment, 1);
            check_row(alignment, 3000);
        }
    }
    check_heap();
    check_pair(GIB, 1);
    check_pair(GIB, 3 * MIB);
    check_realloc(GIB, 1000);
    check_heap();
}
