// After large heaps were destroyed the next ones begin with more than the least, but not thousands of them.
#include "include/heaps.h"

static size_t held(struct metes_heap *heap) {
    struct metes_heap_stats stats;
    CHECK(metes_heap_malloc(heap, 100) && metes_heap_stats(heap, &stats, sizeof stats));
    return stats.held;
}

int main(void) {
    struct metes_heap *heaps[1000];
    for (int round = 0; round < 2; round++) {
        heaps[0] = heap_named("large");
        for (int i = 0; i < 480; i++) {
            memset(metes_heap_malloc(heaps[0], 1000), 1, 1000);
        }
        metes_heap_destroy(heaps[0]);
    }
    size_t all = 0, first = 0;
    for (int i = 0; i < 1000; i++) {
        heaps[i] = heap_named("small");
        size_t bytes = held(heaps[i]);
        all += bytes;
        first = i == 0 ? bytes : first;
    }
    CHECK(first > 256 << 10 && first <= 512 << 10 && all < 64 * first + 1000 * (64 << 10));
    // Small ones that end are what the next ones are made like.
    for (int i = 0; i < 1000; i++) {
        metes_heap_destroy(heaps[i]);
    }
    heaps[0] = heap_named("small");
    CHECK(held(heaps[0]) == 64 << 10);
    return 0;
}
