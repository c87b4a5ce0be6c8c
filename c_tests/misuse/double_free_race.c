// Two threads free the same block at the same time, again and again: metes finds the second free.
// cflags: -pthread
// stderr: metes: (M001 double free|M005 header overwritten): free\(0x[0-9a-f]+\): .*
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static pthread_barrier_t turn;
static void *shared;

static void *body(void *arg) {
    for (int i = 0; i < 1000; i++) {
        if (arg) shared = malloc(3000);
        pthread_barrier_wait(&turn);
        free(opaque(shared));
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    pthread_barrier_init(&turn, NULL, 2);
    pthread_create(&thread, NULL, body, NULL);
    body(&thread);
    pthread_join(thread, NULL);
    return 0;
}
