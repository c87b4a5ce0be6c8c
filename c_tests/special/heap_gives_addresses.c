// The address space of destroyed heaps is there for others where it is short.
// env: METES_OPTIONS=limit=200m
#include "include/heaps.h"

static struct metes_heap *filled(size_t bytes, size_t piece) {
    struct metes_heap *heap = heap_named("large");
    for (size_t have = 0; have < bytes; have += piece) {
        CHECK(metes_heap_malloc(heap, piece) != NULL);
    }
    return heap;
}

int main(void) {
    metes_heap_destroy(filled(140 * MIB, 60000));
    void *mapping = malloc(120 * MIB);
    CHECK(mapping != NULL);
    free(mapping);
    metes_heap_destroy(filled(120 * MIB, 60000));
    struct metes_heap *other = heap_named("other");
    CHECK(metes_heap_malloc(other, 110 * MIB) != NULL);
    metes_heap_destroy(other);
    metes_heap_destroy(filled(120 * MIB, 100 * 1000));
    size_t have = 0;
    while (have < 110 * MIB && malloc(60000) != NULL) {
        have += 60000;
    }
    CHECK(have >= 110 * MIB && metes_check() == NULL);
    return 0;
}
