// An arena with its chunks from a heap: they count for the heap's limit, and go when the arena or the heap does.
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options heap_options = {.size = sizeof heap_options, .name = "arenas", .limit = 1 << 20};
    struct metes_heap *heap = metes_heap_new(&heap_options);
    struct metes_arena_options options = {.size = sizeof options, .heap = heap, .max_chunk = 64 << 10};
    struct metes_arena *arena = metes_arena_new(&options);
    CHECK(arena != NULL && metes_heap_of(arena) == heap);
    size_t total = 0;
    char *p;
    while ((p = metes_arena_alloc(arena, 1000)) != NULL) {
        CHECK(metes_heap_of(p) == heap);
        memset(p, 1, 1000);
        total += 1000;
    }
    CHECK(errno == ENOMEM && total > 800000 && heap_live(heap) <= 1 << 20);
    CHECK(metes_arena_check(arena) == NULL);
    HEAP_OK(heap);
    // What malloc has is not touched by the heap's limit.
    struct metes_arena *other = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(other, 1 << 20) != NULL && metes_heap_of(other) == NULL);
    metes_arena_destroy(other);
    metes_arena_reset(arena);
    CHECK(metes_arena_aligned_alloc(arena, 4096, 4096) != NULL);
    metes_arena_destroy(arena);
    CHECK(heap_live(heap) == 0);
    // One that is still there goes with the heap.
    arena = metes_arena_new(&options);
    CHECK(metes_arena_alloc(arena, 10) != NULL);
    metes_heap_destroy(heap);
    CHECK(metes_heap_of(arena) == NULL && metes_check() == NULL);
    return 0;
}
