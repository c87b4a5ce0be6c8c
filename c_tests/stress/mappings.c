// Threads that allocate, grow, shrink and free blocks of 1 to 64 MiB, each a mapping of its own.
// cflags: -pthread
// args: 250
// soak-args: 20000
#include "check.h"

#include <pthread.h>

#include "include/mix.h"

static long rounds;

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    struct block own[4] = {{NULL, 0, 0}};
    for (long i = 0; i < rounds; i++) {
        struct block *mine = &own[next_random(&random) % 4];
        size_t size = MIB + next_random(&random) % (MIB << next_random(&random) % 7);
        if (!mine->at)
            *mine = take_sized(&random, size);
        else if (next_random(&random) % 3)
            *mine = resize(*mine, next_random(&random) % 8 ? size : size / 1000);
        else {
            give(*mine);
            mine->at = NULL;
        }
    }
    for (int i = 0; i < 4; i++)
        if (own[i].at) give(own[i]);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[4];
    rounds = argument(argc, argv, 1, 250);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
