// A thread whose own cache is gone frees a small block again, in a late destructor. The block is in the main
// thread's cache.
// cflags: -pthread
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 112 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static pthread_key_t key;
static char *p;
static int rounds;

static void free_late(void *value) {
    if (++rounds < 4)
        CHECK(pthread_setspecific(key, value) == 0);
    else
        free(opaque(p));
}

static void *body(void *arg) {
    free(malloc(10));
    CHECK(pthread_setspecific(key, &key) == 0);
    return arg;
}

int main(void) {
    pthread_t thread;
    p = malloc(100);
    free(p);
    CHECK(pthread_key_create(&key, free_late) == 0);
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
