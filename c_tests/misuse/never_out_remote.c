// A pointer behind a small block of another thread's arena, to an object that was never handed out.
// cflags: -pthread
// env: METES_OPTIONS=arenas=2
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 64 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *body(void *p) {
    free(malloc(1));
    free(p);
    // The report must come at once, not when the thread ends.
    _exit(0);
}

int main(void) {
    pthread_t thread;
    char *p = malloc(64);
    CHECK(pthread_create(&thread, NULL, body, opaque(p + 4096)) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
