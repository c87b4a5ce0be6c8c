// A block is freed after its heap was destroyed.
// stderr: metes: M018 use of a destroyed heap: free\(0x[0-9a-f]+\): in the heap "gone", which was destroyed
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("gone");
    char *block = metes_heap_malloc(heap, 100);
    metes_heap_destroy(heap);
    free(opaque(block));
    return 0;
}
