// Eight threads make their double frees together: there is one report, not eight mixed up, and no hang.
// cflags: -pthread
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): .*
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static pthread_barrier_t start;

static void *body(void *arg) {
    char *p = malloc(3000);
    free(p);
    pthread_barrier_wait(&start);
    free(opaque(p));
    return arg;
}

int main(void) {
    pthread_t threads[8];
    pthread_barrier_init(&start, NULL, 8);
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, body, NULL);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    return 0;
}
