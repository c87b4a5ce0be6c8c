// One thread frees a block that another is growing at that moment, a thousand times.
// cflags: -pthread
// default: SIGABRT metes: M00[12] .*
// full: SIGABRT metes: M00[12] .*
// trailers: SIGABRT metes: M00[12] .*
// guard: SIGABRT metes: M00[12] .*
// debug: SIGABRT metes: M00[12] .*
#include "include/detect.h"

#include <pthread.h>

static pthread_barrier_t turn;
static char *shared;

static void *body(void *grows) {
    for (int i = 0; i < 1000; i++) {
        if (grows) shared = malloc(100);
        pthread_barrier_wait(&turn);
        if (grows)
            shared = realloc(opaque(shared), 5000);
        else
            free(opaque(shared));
        pthread_barrier_wait(&turn);
        if (grows) free(shared);
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
