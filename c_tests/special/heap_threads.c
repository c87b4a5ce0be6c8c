// Four threads in one heap, with blocks that one allocates and another frees; then each destroys a heap that another made.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 30000, SLOTS = 256 };

static struct metes_heap *shared;
static struct metes_heap *made[THREADS];
static _Atomic(char *) slots[SLOTS];

static void *exchange(void *argument) {
    uint64_t random = (uintptr_t)argument + 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = 8 + next_random(&random) % 600;
        char *block = metes_heap_malloc(shared, size);
        CHECK(block != NULL);
        memset(block, 0x5a, 8);
        char *other = __atomic_exchange_n((char **)&slots[next_random(&random) % SLOTS], block, __ATOMIC_ACQ_REL);
        if (other) {
            CHECK(other[0] == 0x5a && other[7] == 0x5a);
            if (round % 2) {
                free(other);
            } else {
                metes_heap_free(shared, other);
            }
        }
    }
    made[(uintptr_t)argument] = heap_named("made");
    CHECK(metes_heap_malloc(made[(uintptr_t)argument], 5000) != NULL);
    return NULL;
}

static void *destroy(void *argument) {
    metes_heap_destroy(made[((uintptr_t)argument + 1) % THREADS]);
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
    shared = heap_named("shared");
    run(exchange);
    HEAP_OK(shared);
    for (int i = 0; i < SLOTS; i++) {
        free(slots[i]);
    }
    HEAP_OK(shared);
    CHECK(heap_live(shared) == 0);
    run(destroy);
    metes_heap_destroy(shared);
    CHECK(metes_check() == NULL);
    return 0;
}
