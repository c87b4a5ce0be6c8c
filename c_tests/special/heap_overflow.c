// A block of a heap is written past its end, and found when its neighbour is freed.
// stderr: metes: M003 interior pointer: metes_heap_free\(0x[0-9a-f]+\): no block of the heap "overrun" starts here, the bytes before it are 0x4141414141414141
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("overrun");
    char *block = metes_heap_malloc(heap, 104), *next = metes_heap_malloc(heap, 104);
    memset(opaque(block), 'A', 112);
    metes_heap_free(heap, next);
    return 0;
}
