// With full checks a block that was written beyond is reported when its heap is destroyed.
// exit: SIGABRT
// stderr: metes: M008 overflow: the block of 10 bytes at 0x[0-9a-f]+ of the heap "exact": byte 2 behind its end was written to
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "exact", .checks = 1};
    struct metes_heap *heap = metes_heap_new(&options);
    for (int i = 0; i < 100; i++) {
        CHECK(metes_heap_malloc(heap, 10) != NULL);
    }
    char *p = metes_heap_malloc(heap, 10);
    opaque(p)[12] = 1;
    metes_heap_destroy(heap);
    return 0;
}
