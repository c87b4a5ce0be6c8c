// malloc_usable_size is at least the size asked for, and always the same. All of it is the caller's, so realloc
// copies all of it.

#include "check.h"

static void check_size(size_t size) {
    void *block = malloc(size);
    CHECK(block);
    size_t usable = malloc_usable_size(block);
    CHECK(usable >= size);
    // Allocating and freeing a neighbour changes nothing.
    void *neighbour = malloc(size);
    CHECK(malloc_usable_size(block) == usable);
    free(neighbour);
    CHECK(malloc_usable_size(block) == usable);

    fill(block, 0, usable, (unsigned)size);
    size_t larger = usable + 1 + usable / 2;
    block = realloc(block, larger);
    CHECK(block && malloc_usable_size(block) >= larger);
    CHECK(holds(block, 0, usable, (unsigned)size));
    free(block);
}

static void every_entry_has_a_usable_size(void) {
    void *posix = NULL;
    CHECK(posix_memalign(&posix, 256, 1000) == 0);
    void *blocks[] = {malloc(1000),  calloc(10, 100),          realloc(NULL, 1000),
                      valloc(1000),  aligned_alloc(128, 1000), memalign(64, 1000),
                      pvalloc(1000), reallocarray(NULL, 10, 100), posix};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        CHECK(blocks[i] && malloc_usable_size(blocks[i]) >= 1000);
        memset(blocks[i], 0xa5, malloc_usable_size(blocks[i]));
        free(blocks[i]);
    }
}

int main(void) {
    served_by_metes();
    CHECK(malloc_usable_size(NULL) == 0);
    for (size_t size = 0; size <= 4096; size++)
        check_size(size);
    for (size_t size = 4097; size <= 8 * MIB; size += size / 5)
        check_size(size);
    every_entry_has_a_usable_size();
    check_heap();
}
