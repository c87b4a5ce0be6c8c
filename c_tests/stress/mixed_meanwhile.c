// Blocks without thread caches are freed while another thread makes the slabs that they are in mixed slabs.
// cflags: -pthread
// env: METES_OPTIONS=decay_ms=0,caches=off,arenas=1
// args: 30
// soak-args: 1000
#include "check.h"
#include "statistics.h"

#include <pthread.h>

enum { OLD = 100000, NEW = 15000, THREADS = 2 };
static unsigned char *olds[OLD], *news[NEW];
static pthread_barrier_t barrier;

// From the highest address downwards, the order in which slabs become mixed ones.
static void *free_olds(void *argument) {
    pthread_barrier_wait(&barrier);
    for (size_t i = OLD; i--;)
        if (i / 5 % THREADS == (size_t)argument && olds[i]) {
            CHECK(*olds[i] == (unsigned char)i);
            free(olds[i]);
        }
    return NULL;
}

static void round_of(size_t old, size_t new) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < OLD; i++) {
        CHECK(olds[i] = malloc(old));
        *olds[i] = (unsigned char)i;
    }
    for (size_t i = 0; i < OLD; i++)
        if (i % 5) {
            free(olds[i]);
            olds[i] = NULL;
        }
    for (size_t i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, free_olds, (void *)i));
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < NEW; i++) {
        CHECK(news[i] = malloc(new));
        news[i][0] = news[i][new - 1] = (unsigned char)i;
    }
    for (size_t i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    check_heap();
    for (size_t i = 0; i < NEW; i++) {
        CHECK(news[i][0] == (unsigned char)i && news[i][new - 1] == (unsigned char)i);
        free(news[i]);
    }
    check_heap();
}

int main(int argc, char **argv) {
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 30;
    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS + 1));
    for (size_t i = 0; i < rounds; i++) round_of(i % 2 ? 64 : 48, i % 3 ? 160 : 224);
    return 0;
}
