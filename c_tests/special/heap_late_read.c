// A block is read after its heap was destroyed.
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: in the heap "gone", which was destroyed
// exit: SIGSEGV
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("gone");
    char *volatile block = metes_heap_malloc(heap, 100);
    metes_heap_destroy(heap);
    return block[50];
    return 0;
}
