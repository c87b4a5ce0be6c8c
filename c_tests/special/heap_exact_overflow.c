// With full checks one byte too many is reported when the block is freed, by whichever free, and the block is freed.
// env: METES_OPTIONS=abort=no
// stderr: metes: M008 overflow: the block of 50 bytes at 0x[0-9a-f]+, which metes_heap_free was given, of the heap "exact": byte 0 behind its end was written to
// stderr: metes: M008 overflow: the block of 50 bytes at 0x[0-9a-f]+, which free was given, of the heap "exact": byte 3 behind its end was written to
// stderr: metes: M008 overflow: metes_heap_free\(0x[0-9a-f]+\): the word behind this block of the heap "exact" was overwritten by 0x[0-9a-f]+
// stderr: metes: M001 double free: metes_heap_free\(0x[0-9a-f]+\): this block of 40 bytes of the heap "exact" is free already
// stderr: metes: M008 overflow: the block of 100003 bytes at 0x[0-9a-f]+, which free was given, of the heap "exact": byte 2 behind its end was written to
// stderr: metes: M008 overflow: the block of 64 bytes at 0x[0-9a-f]+ of the heap "exact": byte 0 behind its end was written to
#include "include/heaps.h"

static struct metes_heap *exact(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "exact", .checks = 1, .single_threaded = 1};
    struct metes_heap *heap = metes_heap_new(&options);
    CHECK(heap != NULL);
    return heap;
}

int main(void) {
    // The thread has a cache then, whose fast paths see these heaps' blocks.
    free(malloc(10));
    struct metes_heap *heap = exact();
    char *p = metes_heap_malloc(heap, 50), *q = metes_heap_malloc(heap, 50), *r = metes_heap_malloc(heap, 50);
    CHECK(metes_heap_usable_size(heap, p) == 50 && malloc_usable_size(p) == 50);
    CHECK((p = realloc(p, 49)) && malloc_usable_size(p) == 49 && (p = realloc(p, 50)) && malloc_usable_size(p) == 50);
    size_t usable;
    CHECK(metes_heap_malloc_at_least(heap, 33, &usable) && usable == 33);
    memset(p, 1, 50);
    HEAP_OK(heap);
    opaque(p)[50] = 1;
    CHECK(metes_heap_check(heap) != NULL);
    metes_heap_free(heap, p);
    HEAP_OK(heap);
    opaque(q)[53] = 1;
    free(q);
    memset(opaque(r), 1, 70);
    metes_heap_free(heap, r);
    CHECK(metes_heap_check(heap) != NULL);
    p = metes_heap_malloc(heap, 20);
    metes_heap_free(heap, p);
    metes_heap_free(heap, p);
    p = metes_heap_malloc(heap, 100003);
    opaque(p)[100005] = 1;
    free(p);
    p = metes_heap_calloc(heap, 1, 100000);
    for (int i = 0; i < 100000; i++) {
        CHECK(p[i] == 0);
    }
    free(p);
    metes_heap_destroy(heap);

    // What is resized, in place and by a move, knows its bytes.
    heap = exact();
    p = NULL;
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        size_t bytes = 1 + next_random(&random) % (i % 2 ? 200 : 70000);
        p = i % 3 ? realloc(p, bytes) : metes_heap_realloc(heap, p, bytes);
        CHECK(p != NULL && metes_heap_of(p) == heap && metes_heap_usable_size(heap, p) == bytes);
        memset(p, i, bytes);
    }
    HEAP_OK(heap);
    metes_heap_destroy(heap);
    return 0;
}
