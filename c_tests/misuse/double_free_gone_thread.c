// A block freed by a thread that has ended, then again by the main one.
// cflags: -pthread
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *once(void *p) {
    free(p);
    return NULL;
}

int main(void) {
    pthread_t thread;
    char *p = malloc(3000);
    pthread_create(&thread, NULL, once, p);
    pthread_join(thread, NULL);
    free(opaque(p));
    return 0;
}
