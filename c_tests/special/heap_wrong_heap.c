// A block is given to another heap than its own.
// stderr: metes: M019 free into another heap: metes_heap_free\(0x[0-9a-f]+\): given to the heap "second", but of the heap "first"
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *first = heap_named("first"), *second = heap_named("second");
    metes_heap_free(second, metes_heap_malloc(first, 100));
    return 0;
}
