// Threads free blocks of more than two pages that stand next to one another's. A free looks at its neighbours, whose
// pages another thread may be making inaccessible just then.
// env: METES_OPTIONS=checks=full
// cflags: -pthread
// args: 10000
// soak-args: 300000
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, EACH = 4 };

static long rounds;

static void *work(void *size) {
    void *own[EACH] = {NULL};
    for (long i = 0; i < rounds; i++) {
        free(own[i % EACH]);
        CHECK(own[i % EACH] = malloc((size_t)size));
    }
    for (int i = 0; i < EACH; i++) free(own[i]);
    return NULL;
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {12200, 9000, 4000, 20000};
    pthread_t threads[THREADS];
    rounds = argc > 1 ? atol(argv[1]) : 10000;
    served_by_metes();
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)sizes[k]) == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
    check_heap();
    return 0;
}
