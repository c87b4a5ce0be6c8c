// In a scope all that the thread allocates comes from the heap, also in the C library and in nested scopes; other threads'
// does not, and what was there before stays where it is.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>

static void *other(void *unused) {
    void *block = malloc(100);
    CHECK(metes_heap_of(block) == NULL);
    free(block);
    return unused;
}

int main(void) {
    struct metes_heap *outer = heap_named("outer"), *inner = heap_named("inner");
    char *before = malloc(50), *large = malloc(1000000);
    CHECK(metes_heap_enter(outer) == 0);
    char *small = malloc(100), *zero = calloc(10, 1000), *aligned = aligned_alloc(256, 1000), *copy = strdup("a copy");
    CHECK(metes_heap_of(small) == outer && metes_heap_of(zero) == outer && metes_heap_of(copy) == outer);
    CHECK(metes_heap_of(aligned) == outer && is_aligned(aligned, 256) && zero[9999] == 0);
    before = realloc(before, 5000);
    CHECK(metes_heap_of(before) == NULL && metes_heap_of(realloc(NULL, 10)) == outer);
    CHECK(metes_heap_enter(inner) == 0);
    CHECK(metes_heap_of(malloc(300000)) == inner);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0 && pthread_join(thread, NULL) == 0);
    errno = 0;
    CHECK(metes_heap_leave(outer) == -1 && errno == EINVAL);
    CHECK(metes_heap_leave(inner) == 0);
    free(large);
    free(small);
    CHECK(metes_heap_of(malloc(100)) == outer);
    for (int i = 1; i < 8; i++) {
        CHECK(metes_heap_enter(inner) == 0);
    }
    CHECK(metes_heap_enter(inner) == -1 && errno == ENOTSUP);
    for (int i = 1; i < 8; i++) {
        CHECK(metes_heap_leave(inner) == 0);
    }
    CHECK(metes_heap_leave(outer) == 0);
    void *after = malloc(100);
    CHECK(metes_heap_of(after) == NULL);
    free(after);
    free(before);
    HEAP_OK(outer);
    HEAP_OK(inner);
    metes_heap_destroy(outer);
    metes_heap_destroy(inner);
    CHECK(metes_check() == NULL);
    return 0;
}
