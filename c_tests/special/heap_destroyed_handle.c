// The handle of a destroyed heap is used, although its number may be that of another one by then.
// stderr: metes: M018 use of a destroyed heap: metes_heap_malloc: the heap of this handle \(0x[0-9a-f]+\) was destroyed
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    struct metes_heap *heap = heap_named("gone");
    metes_heap_destroy(heap);
    for (int i = 0; i < 1000; i++) {
        struct metes_heap *other = heap_named("other");
        CHECK(other != heap);
        metes_heap_destroy(other);
    }
    CHECK(metes_heap_malloc(heap, 100) == NULL);
    return 0;
}
