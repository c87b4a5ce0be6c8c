// malloc_trim gives free memory back to the system even where blocks in use pin the heap's ends. Its answer says
// whether it gave any back.

#include "check.h"

#define PEAK (200 * MIB)

int main(void) {
    served_by_metes();
    size_t before = resident_bytes(), held = 0, count = 0;
    void **blocks = (void **)malloc(2 * MIB * sizeof *blocks);
    CHECK(blocks);
    uint64_t random = 3;
    while (held < PEAK) {
        size_t size = 50 + next_random(&random) % 1000;
        blocks[count] = malloc(size);
        CHECK(blocks[count]);
        memset(blocks[count++], 1, size);
        held += size;
    }
    size_t peak = resident_bytes();
    CHECK(peak >= before + PEAK);

    // One in a thousand stays: no end of the heap is free.
    for (size_t i = 0; i < count; i++)
        if (i % 1000)
            free(blocks[i]);
    size_t freed = resident_bytes();
    int answer = malloc_trim(0);
    size_t trimmed = resident_bytes();
    CHECK(answer == 0 || answer == 1);
    if (freed > trimmed + 10 * MIB)
        CHECK(answer == 1);
    CHECK(trimmed < before + PEAK / 5);

    answer = malloc_trim(0);
    CHECK(answer == 0 || answer == 1);
    answer = malloc_trim(SIZE_MAX);
    CHECK(answer == 0 || answer == 1);
    for (size_t i = 0; i < count; i += 1000) {
        CHECK(all_bytes_are(blocks[i], 50, 1));
        free(blocks[i]);
    }
    free(blocks);
    check_heap();
    malloc_trim(0);

    // Memory that was given back can be allocated again.
    char *again = (char *)malloc(10 * MIB);
    CHECK(again);
    memset(again, 2, 10 * MIB);
    free(again);
    check_heap();
}
