// What the tests of heaps by name share.
#include "check.h"
#include <metes.h>

#define HEAP_OK(heap) CHECK(metes_heap_check(heap) == NULL && metes_check() == NULL)

__attribute__((unused)) static struct metes_heap *heap_named(const char *name) {
    struct metes_heap_options options = {.size = sizeof options, .name = name};
    struct metes_heap *heap = metes_heap_new(&options);
    CHECK(heap != NULL);
    return heap;
}

__attribute__((unused)) static size_t heap_live(struct metes_heap *heap) {
    struct metes_heap_stats stats;
    CHECK(metes_heap_stats(heap, &stats, sizeof stats) == sizeof stats);
    return stats.live;
}
