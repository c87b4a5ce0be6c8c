// Two threads free the same block at the same moment, a thousand times.
// cflags: -pthread
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

#include <pthread.h>

static pthread_barrier_t turn;
static char *shared;

static void *body(void *makes) {
    for (int i = 0; i < 1000; i++) {
        if (makes) shared = malloc(100);
        pthread_barrier_wait(&turn);
        free(opaque(shared));
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    body(&thread);
    CHECK(pthread_join(thread, NULL) == 0);
    return survived();
}
