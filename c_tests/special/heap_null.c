// NULL is no heap, also while there are heaps, and neither is a handle that is off by one.
// env: METES_OPTIONS=abort=no
// stderr: metes: M004 foreign pointer: metes_heap_malloc: 0x0 is no handle of a heap
// stderr: metes: M004 foreign pointer: metes_heap_reset: 0x0 is no handle of a heap
// stderr: metes: M004 foreign pointer: metes_heap_malloc: 0x5 is no handle of a heap
// stderr: metes: M004 foreign pointer: metes_heap_malloc: 0x[0-9a-f]+ is no handle of a heap
// stderr: metes: M004 foreign pointer: metes_heap_malloc: 0x[0-9a-f]+ is no handle of a heap
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("first");
    CHECK(metes_heap_malloc(heap, 100) != NULL);
    CHECK(metes_heap_malloc(NULL, 100) == NULL && errno == ENOMEM);
    metes_heap_reset(NULL);
    CHECK(heap_live(heap) == 112);
    CHECK(metes_heap_malloc((void *)(uintptr_t)5, 100) == NULL);
    CHECK(metes_heap_malloc((void *)((char *)heap - 1), 100) == NULL);
    CHECK(metes_heap_malloc((void *)((char *)heap + 1), 100) == NULL);
    HEAP_OK(heap);
    metes_heap_destroy(heap);
    return 0;
}
