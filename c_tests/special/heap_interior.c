// A pointer into a block of a heap is freed.
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): no block of the heap "inside" starts here, the bytes before it are 0x0000000000000000
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("inside");
    char *block = metes_heap_calloc(heap, 1, 100);
    free(opaque(block + 32));
    return 0;
}
