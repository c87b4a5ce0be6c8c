// A block too large for slabs, kept in its thread's cache, freed again by a thread of another arena.
// cflags: -pthread
// env: METES_OPTIONS=arenas=2
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *again(void *p) {
    free(malloc(10));
    free(opaque(p));
    return NULL;
}

int main(void) {
    pthread_t thread;
    char *p = malloc(40000);
    free(p);
    CHECK(pthread_create(&thread, NULL, again, p) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
