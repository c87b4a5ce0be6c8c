// A thread whose home is another arena frees a small block twice. The second free is noticed before the block goes
// home.
// cflags: -pthread
// env: METES_OPTIONS=arenas=2
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 48 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *body(void *p) {
    free(malloc(1));
    free(p);
    free(opaque(p));
    return NULL;
}

int main(void) {
    pthread_t thread;
    char *p = malloc(40);
    memset(p, 1, 40);
    CHECK(pthread_create(&thread, NULL, body, p) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
