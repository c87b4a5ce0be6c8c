// A block of a heap is freed twice: once by free, once by metes_heap_free.
// stderr: metes: M001 double free: metes_heap_free\(0x[0-9a-f]+\): this block of 104 bytes of the heap "twice" is free already
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("twice");
    char *block = metes_heap_malloc(heap, 100);
    free(block);
    metes_heap_free(heap, opaque(block));
    return 0;
}
