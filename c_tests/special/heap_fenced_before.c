// The same before the range.
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: read at 0x[0-9a-f]+: 1 bytes before a range of the heap "fenced"
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "fenced", .guard_pages = 1};
    struct metes_heap *heap = metes_heap_new(&options);
    for (volatile char *at = metes_heap_malloc(heap, 100);; at--) {
        CHECK(*at || 1);
    }
}
