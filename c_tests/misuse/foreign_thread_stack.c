// free of a local variable of a thread other than the main one.
// cflags: -pthread
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (the stack.*|an anonymous mapping)
// exit: SIGABRT
#include "check.h"

#include <pthread.h>

static void *body(void *arg) {
    char local[64] = "local";
    free(opaque(local));
    return arg;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    pthread_join(thread, NULL);
    return 0;
}
