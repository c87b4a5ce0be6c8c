// With checks=full heaps by name have full checks, too.
// env: METES_OPTIONS=checks=full
// exit: SIGABRT
// stderr: metes: M008 overflow: the block of 50 bytes at 0x[0-9a-f]+, which metes_heap_free was given, of the heap "checked": byte 0 behind its end was written to
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("checked");
    char *p = metes_heap_malloc(heap, 50);
    opaque(p)[50] = 1;
    metes_heap_free(heap, p);
    return 0;
}
