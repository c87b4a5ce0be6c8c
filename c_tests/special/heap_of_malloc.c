// A block of malloc is given to a heap.
// stderr: metes: M019 free into another heap: metes_heap_free\(0x[0-9a-f]+\): given to the heap "mine", but of no heap that a program has made
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("mine");
    metes_heap_free(heap, malloc(100));
    return 0;
}
