// A block freed again by another thread.
// cflags: -pthread
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static pthread_barrier_t turn;
static void *block;

static void *again(void *arg) {
    pthread_barrier_wait(&turn);
    free(opaque(block));
    return arg;
}

int main(void) {
    pthread_t thread;
    pthread_barrier_init(&turn, NULL, 2);
    // The thread starts before the first free: starting it allocates, and could get the very block.
    pthread_create(&thread, NULL, again, NULL);
    block = malloc(3000);
    free(block);
    pthread_barrier_wait(&turn);
    pthread_join(thread, NULL);
    return 0;
}
