// A heap with one range of its own: everything is in there, and it never grows beyond.
// stderr: metes: metes_heap_new: reserve is more than 32 GiB
#include "include/heaps.h"

static int is_inside(void *block, size_t usable, void *argument) {
    uintptr_t *bounds = argument, at = (uintptr_t)block;
    bounds[0] = bounds[0] && bounds[0] < at ? bounds[0] : at;
    bounds[1] = bounds[1] > at + usable ? bounds[1] : at + usable;
    return 0;
}

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "range", .reserve = 10 << 20};
    for (int single = 0; single < 2; single++) {
        options.single_threaded = single;
        struct metes_heap *heap = metes_heap_new(&options);
        CHECK(heap != NULL);
        size_t total = 0;
        uint64_t random = 1;
        for (;;) {
            size_t bytes = 1 + next_random(&random) % 20000;
            char *p = metes_heap_malloc(heap, bytes);
            if (!p) {
                break;
            }
            memset(p, 1, bytes);
            total += bytes;
        }
        uintptr_t bounds[2] = {0, 0};
        metes_heap_walk(heap, is_inside, bounds);
        CHECK(total > 9 << 20 && bounds[1] - bounds[0] <= 10 << 20);
        HEAP_OK(heap);
        metes_heap_reset(heap);
        // All of it is one block now; after a purge, too.
        CHECK(metes_heap_purge(heap) > 8 << 20);
        char *all = metes_heap_calloc(heap, 1, (10 << 20) - 100);
        CHECK(all != NULL && metes_heap_malloc(heap, 100) == NULL);
        for (int i = 0; i < (10 << 20) - 100; i++) {
            CHECK(all[i] == 0);
        }
        metes_heap_free(heap, all);
        HEAP_OK(heap);
        metes_heap_destroy(heap);
    }
    options.reserve = (size_t)33 << 30;
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    return 0;
}
