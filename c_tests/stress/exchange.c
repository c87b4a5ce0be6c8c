// Threads swap blocks through shared slots at random, so most blocks are freed by another thread than the one that
// made them.
// cflags: -pthread
// args: 40000
// soak-args: 3000000
#include "check.h"

#include <pthread.h>

#include "include/mix.h"

enum { THREADS = 6, SLOTS = 512 };

// The head of a block, which describes it. The stamp is over what follows.
struct note {
    size_t size;
    unsigned seed;
};

static _Atomic(struct note *) slots[SLOTS];
static long rounds;

static struct block body_of(struct note *n) { return (struct block){(unsigned char *)(n + 1), n->size, n->seed}; }

static void drop(struct note *n) {
    if (!n) return;
    check_stamp(body_of(n));
    free(n);
}

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    for (long i = 0; i < rounds; i++) {
        size_t size = some_size(&random);
        struct note *n = malloc(sizeof *n + size);
        CHECK(n);
        *n = (struct note){size, (unsigned)random};
        stamp(body_of(n));
        drop(__atomic_exchange_n(&slots[next_random(&random) % SLOTS], n, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    rounds = argument(argc, argv, 1, 40000);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < SLOTS; i++) drop(slots[i]);
    check_heap();
    return 0;
}
