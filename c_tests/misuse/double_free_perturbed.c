// A thread frees a small block again after another thread has set M_PERTURB. metes notices it at once, before the
// perturbing free overwrites the key.
// cflags: -pthread
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 112 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static pthread_barrier_t turn;

static void *twice(void *arg) {
    char *p = malloc(100);
    free(p);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    free(opaque(p));
    // The report must not wait for the thread's end.
    _exit(arg != NULL);
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, twice, NULL) == 0);
    pthread_barrier_wait(&turn);
    CHECK(mallopt(M_PERTURB, 7) == 1);
    pthread_barrier_wait(&turn);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
