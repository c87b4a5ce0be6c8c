// A pointer to nowhere, freed as a thread's first call: the thread has no cache yet.
// cflags: -pthread
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is not mapped
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *body(void *arg) {
    free(opaque((void *)0xdead000000000010));
    return arg;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
