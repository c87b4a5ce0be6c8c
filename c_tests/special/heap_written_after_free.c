// A freed block of a heap is written to, and found when the next one is asked for.
// stderr: metes: M006 free block written to: the free block at 0x[0-9a-f]+ of the heap "written": it was written to
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("written");
    char *block = metes_heap_malloc(heap, 100), *other = metes_heap_malloc(heap, 100);
    metes_heap_free(heap, other);
    metes_heap_free(heap, block);
    ((char *)opaque(block))[0] ^= 1;
    CHECK(metes_heap_malloc(heap, 100) != NULL);
    return 0;
}
