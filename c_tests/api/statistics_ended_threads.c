// The calls of threads that have ended count once, before and after the pages of their caches go back.
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "statistics.h"

enum { THREADS = 100, EACH = 40 };

static pthread_barrier_t alive;

static void *calls(void *arg) {
    void *blocks[EACH];
    pthread_barrier_wait(&alive);
    for (size_t i = 0; i < EACH; i++) CHECK(blocks[i] = i % 4 ? malloc(10 + 20 * i) : calloc(1, 10 + 20 * i));
    for (size_t i = 0; i < EACH; i++) CHECK(blocks[i] = realloc(blocks[i], 2000));
    for (size_t i = 0; i < EACH; i++) free(blocks[i]);
    return arg;
}

static void crowd(void) {
    static pthread_t threads[THREADS];
    pthread_attr_t attributes;
    // Stacks so small that the libc keeps all of them, and the memory it has allocated for them.
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
    CHECK(pthread_barrier_init(&alive, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], &attributes, calls, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void counts_are(struct metes_stats before, struct metes_stats now, uint64_t threads) {
    CHECK(now.malloc_calls - before.malloc_calls == threads * EACH * 3 / 4);
    CHECK(now.realloc_calls - before.realloc_calls == threads * EACH);
    CHECK(now.free_calls - before.free_calls == threads * EACH);
    CHECK(now.calloc_calls - before.calloc_calls == threads * EACH / 4);
}

int main(void) {
    served_by_metes();
    crowd();
    struct metes_stats before = statistics();
    for (int i = 1; i <= 3; i++) {
        crowd();
        struct metes_stats now = statistics();
        counts_are(before, now, (uint64_t)i * THREADS);
        malloc_trim(0);
        struct metes_stats trimmed = statistics();
        counts_are(before, trimmed, (uint64_t)i * THREADS);
        CHECK(trimmed.aligned_calls == now.aligned_calls && trimmed.heap_live == now.heap_live);
    }
    check_heap();
    return 0;
}
