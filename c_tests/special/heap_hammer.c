// Four threads make and destroy heaps while each of them has all heaps purged and checked, those of the others too.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 1500 };

static void *hammer(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        struct metes_heap_options options = {.size = sizeof options, .single_threaded = i % 5 == 0};
        struct metes_heap *heap = metes_heap_new(&options);
        CHECK(heap != NULL);
        char *block = metes_heap_malloc(heap, 1 + (size_t)i % 3000), *zero = metes_heap_calloc(heap, 3, 5000);
        CHECK(block != NULL && zero != NULL && zero[14999] == 0);
        memset(block, 1, 1 + (size_t)i % 3000);
        free(block);
        if (i % 7 == 0) {
            metes_purge();
        }
        if (i % 50 == 0) {
            CHECK(metes_check() == NULL);
        }
        metes_heap_destroy(heap);
    }
    return argument;
}

int main(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, hammer, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(metes_check() == NULL);
    return 0;
}
