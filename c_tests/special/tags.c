// What threads allocate under a tag counts for it exactly, through frees by other threads, and one name is one tag.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>

enum { THREADS = 4, BLOCKS = 1000 };

static void *blocks[THREADS][BLOCKS];

static void *parse(void *argument) {
    void **mine = blocks[(uintptr_t)argument];
    CHECK(metes_tag_push("parser") == 0);
    for (int i = 0; i < BLOCKS; i++) {
        CHECK((mine[i] = malloc(92 + 16 * (size_t)(i % 10))) != NULL);
    }
    CHECK(metes_tag_push("strings") == 0);
    CHECK(strdup("a string") != NULL);
    CHECK(metes_tag_pop() == 0 && metes_tag_pop() == 0);
    CHECK(metes_heap_of(malloc(1)) == NULL);
    return NULL;
}

static void *release(void *argument) {
    void **others = blocks[((uintptr_t)argument + 1) % THREADS];
    for (int i = 0; i < BLOCKS; i++) {
        free(others[i]);
    }
    return NULL;
}

static void run(void *(*work)(void *)) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

int main(void) {
    struct metes_heap *parser = metes_tag("parser");
    CHECK(parser != NULL && metes_tag("parser") == parser && metes_tag("strings") != parser);
    run(parse);
    struct metes_heap_stats stats;
    CHECK(metes_heap_stats(parser, &stats, sizeof stats) == sizeof stats);
    CHECK(stats.blocks == THREADS * BLOCKS && stats.live == THREADS * (size_t)(100 * (10 * 112 + 16 * 45)));
    HEAP_OK(parser);
    run(release);
    CHECK(heap_live(parser) == 0 && heap_live(metes_tag("strings")) == THREADS * (size_t)48);
    CHECK(metes_heap_stats(parser, &stats, sizeof stats) == sizeof stats && stats.peak >= THREADS * BLOCKS * (size_t)112);
    errno = 0;
    CHECK(metes_tag_pop() == -1 && errno == EINVAL);
    char name[16];
    for (int i = 2; i < 256; i++) {
        snprintf(name, sizeof name, "tag %d", i);
        CHECK(metes_tag(name) != NULL);
    }
    errno = 0;
    CHECK(metes_tag("one too many") == NULL && errno == ENOMEM && metes_tag("tag 77") != NULL);
    CHECK(metes_check() == NULL);
    return 0;
}
