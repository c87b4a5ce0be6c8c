// A heap with guard pages: what runs out of its range is stopped there, and reported by the heap's name.
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: write at 0x[0-9a-f]+: 0 bytes behind a range of the heap "fenced"
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "fenced", .guard_pages = 1};
    for (int i = 0; i < 200; i++) {
        struct metes_heap *heap = metes_heap_new(&options);
        char *p = metes_heap_malloc(heap, 100), *q = metes_heap_malloc(heap, 3 << 20), *r = metes_heap_malloc(heap, 70000);
        CHECK(p && q && r);
        memset(q, 1, 3 << 20);
        HEAP_OK(heap);
        metes_heap_destroy(heap);
    }
    options.reserve = 1;
    struct metes_heap *heap = metes_heap_new(&options);
    char *p = metes_heap_malloc(heap, 60000);
    CHECK(p != NULL && metes_heap_malloc(heap, 60000) == NULL && errno == ENOMEM);
    HEAP_OK(heap);
    for (char *at = p;; at++) {
        *(volatile char *)at = 1;
    }
}
