// A heap's limit is exact, headers included, and what was freed counts no more.
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .limit = 10 * 1008};
    struct metes_heap *heap = metes_heap_new(&options);
    void *blocks[10];
    for (int i = 0; i < 10; i++) {
        CHECK((blocks[i] = metes_heap_malloc(heap, 1000)) != NULL);
    }
    CHECK(heap_live(heap) == 10 * 1008);
    errno = 0;
    CHECK(metes_heap_malloc(heap, 1) == NULL && errno == ENOMEM);
    CHECK(metes_heap_malloc(heap, 100000) == NULL && metes_heap_calloc(heap, (size_t)opaque((void *)(SIZE_MAX / 2)), 3) == NULL);
    CHECK(metes_heap_realloc(heap, blocks[0], 2000) == NULL && metes_heap_usable_size(heap, blocks[0]) == 1000);
    metes_heap_free(heap, blocks[3]);
    CHECK((blocks[3] = metes_heap_malloc(heap, 1000)) != NULL && metes_heap_malloc(heap, 1) == NULL);
    HEAP_OK(heap);
    metes_heap_reset(heap);
    CHECK(metes_heap_malloc(heap, 10 * 1008 - 8) != NULL);
    HEAP_OK(heap);
    return 0;
}
