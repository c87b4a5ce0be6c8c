// A walk finds each block that the program has once, of all kinds and sizes, and none that was freed.
#include "check.h"
#include <metes.h>

enum { BLOCKS = 3000 };

static void *blocks[BLOCKS];
static size_t sizes[BLOCKS];
static unsigned char seen[BLOCKS];

static int visit(void *block, size_t usable, void *argument) {
    size_t *others = argument;
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i] == block) {
            CHECK(!seen[i] && usable >= sizes[i]);
            seen[i] = 1;
            return 0;
        }
    }
    ++*others;
    return 0;
}

static int stop(void *block, size_t usable, void *argument) {
    CHECK(block != NULL && usable != 0);
    return ++*(int *)argument == 3;
}

int main(void) {
    uint64_t random = 1;
    struct metes_heap *heap = metes_heap_new(NULL);
    for (int i = 0; i < BLOCKS; i++) {
        sizes[i] = i % 50 == 0 ? 500000 : 1 + next_random(&random) % 5000;
        blocks[i] = i % 3 ? malloc(sizes[i]) : metes_heap_malloc(heap, sizes[i]);
    }
    for (int i = 0; i < BLOCKS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    size_t others = 0;
    metes_walk(visit, &others);
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(seen[i] == (blocks[i] != NULL));
    }
    CHECK(others < 100);
    int count = 0;
    metes_walk(stop, &count);
    CHECK(count == 3);
    metes_thread_flush();
    CHECK(metes_check() == NULL);
    return 0;
}
