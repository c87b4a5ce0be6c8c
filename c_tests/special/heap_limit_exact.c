// No call goes past a heap's limit, and neither does the peak: not malloc, not a realloc in place or by a move.
#include "include/heaps.h"

static void within(struct metes_heap *heap, size_t limit) {
    struct metes_heap_stats stats;
    CHECK(metes_heap_stats(heap, &stats, sizeof stats) && stats.live <= limit && stats.peak <= limit);
}

int main(void) {
    for (size_t limit = 50; limit < 9000; limit += 23) {
        struct metes_heap_options options = {.size = sizeof options, .limit = limit};
        options.single_threaded = limit % 2;
        options.checks = limit % 7 == 0;
        struct metes_heap *heap = metes_heap_new(&options);
        void *p = NULL;
        for (size_t bytes = limit + 10; !p && bytes > 0; bytes -= 1 + bytes / 50) {
            p = metes_heap_malloc(heap, bytes);
            within(heap, limit);
        }
        metes_heap_free(heap, p);
        p = metes_heap_malloc(heap, 1);
        for (size_t bytes = 1; p && bytes < 9500; bytes += 13) {
            void *q = realloc(p, bytes);
            within(heap, limit);
            if (!q) {
                break;
            }
            p = q;
        }
        for (int i = 0; i < 200; i++) {
            void *q = metes_heap_malloc(heap, (size_t)i % 90);
            within(heap, limit);
            if (i % 3 && q) {
                metes_heap_free(heap, q);
            }
        }
        HEAP_OK(heap);
        metes_heap_destroy(heap);
    }
    return 0;
}
