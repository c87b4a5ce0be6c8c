// A request that a heap's limit refuses leaves a block that was too large for it as free as it was.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: metes_heap_free\(0x[0-9a-f]+\): this block of 1016 bytes of the heap "rest" is free already
// stderr: metes: M001 double free: metes_heap_free\(0x[0-9a-f]+\): this block of 1016 bytes of the heap "rest" is free already
#include "include/heaps.h"

int main(void) {
    for (int single = 0; single < 2; single++) {
        struct metes_heap_options options = {.size = sizeof options, .name = "rest", .limit = 3072};
        options.single_threaded = single;
        struct metes_heap *heap = metes_heap_new(&options);
        char *a = metes_heap_malloc(heap, 1016), *b = metes_heap_malloc(heap, 1016);
        CHECK(a && b);
        metes_heap_free(heap, a);
        CHECK(metes_heap_malloc(heap, 1032));
        // The block at `a` has a little more than this.
        CHECK(!metes_heap_malloc(heap, 1000) && !metes_heap_check(heap));
        metes_heap_free(heap, opaque(a));
        struct metes_heap_stats stats;
        CHECK(metes_heap_stats(heap, &stats, sizeof stats) && stats.blocks == 2 && stats.live == 1024 + 1040);
        metes_heap_destroy(heap);
    }
    return 0;
}
