// With full checks a late write into the middle of a freed block is found when the block is handed out again.
// exit: SIGABRT
// stderr: metes: M006 free block written to: the free block at 0x[0-9a-f]+ of the heap "exact": it was written to
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "exact", .checks = 1};
    struct metes_heap *heap = metes_heap_new(&options);
    char *p = metes_heap_malloc(heap, 100);
    metes_heap_free(heap, p);
    opaque(p)[60] = 1;
    return metes_heap_malloc(heap, 100) == NULL;
}
