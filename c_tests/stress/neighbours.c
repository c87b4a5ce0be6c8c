// Where blocks are checked, each free looks at the blocks beside, which other threads are allocating, resizing and
// freeing. Nothing is wrong with them, and nothing is reported.
// trailers: silent
// debug: silent
// libs: -pthread
// timeout: 120
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, STEPS = 40000, SLOTS = 256 };

static char *slots[SLOTS];

static void *body(void *seed) {
    uint64_t random = (uintptr_t)seed * 2654435761u + 1;
    for (int i = 0; i < STEPS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t size = 17 + random % 44;
        char *p = malloc(size);
        CHECK(p);
        memset(p, 1, size);
        if (random & 64) CHECK((p = realloc(p, size + 1 + random / 256 % 3)));
        free(__atomic_exchange_n(&slots[random / 65536 % SLOTS], p, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < SLOTS; i++) free(slots[i]);
    check_heap();
    return 0;
}
