// The caches of sleeping threads are given back as well, and the threads find their memory whole when they wake.
// ways: preload so
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/resident.h"

enum { THREADS = 8, EACH = 30000 };

static pthread_barrier_t filled, full, woken;

static void *sleeper(void *arg) {
    uint64_t random = (uint64_t)(uintptr_t)arg * 77 + 1;
    void **mine = calloc(EACH, sizeof *mine);
    CHECK(mine);
    for (size_t i = 0; i < EACH; i++) {
        size_t size = 16 + next_random(&random) % 1000;
        CHECK(mine[i] = malloc(size));
        memset(mine[i], 2, size);
    }
    // All threads at a time: the next one would otherwise get what one thread has freed.
    pthread_barrier_wait(&filled);
    for (size_t i = 0; i < EACH; i++) free(mine[i]);
    pthread_barrier_wait(&full);
    pthread_barrier_wait(&woken);
    for (size_t i = 0; i < EACH; i++) {
        CHECK(mine[i] = malloc(100));
        memset(mine[i], 3, 100);
    }
    for (size_t i = 0; i < EACH; i++) CHECK(all_bytes_are(mine[i], 100, 3));
    for (size_t i = 0; i < EACH; i++) free(mine[i]);
    free(mine);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    served_by_metes();
    CHECK(pthread_barrier_init(&filled, NULL, THREADS) == 0);
    CHECK(pthread_barrier_init(&full, NULL, THREADS + 1) == 0 && pthread_barrier_init(&woken, NULL, THREADS + 1) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, sleeper, (void *)i) == 0);
    pthread_barrier_wait(&full);
    // The arrays are 2 MB, and each thread has a stack.
    CHECK(shrinks_to(12 * MIB));
    pthread_barrier_wait(&woken);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
