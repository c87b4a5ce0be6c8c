// Allocation in atexit handlers, in destructors of the program, and after the main thread has called pthread_exit.
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/life.h"

static void *kept;

static void at_exit(void) {
    life(1);
    free(kept);
}

__attribute__((destructor)) static void last(void) {
    life(2);
    check_heap();
}

static void *body(void *arg) {
    pthread_join(*(pthread_t *)arg, NULL);
    life(3);
    exit(0);
}

int main(void) {
    static pthread_t first;
    pthread_t thread;
    served_by_metes();
    kept = malloc(1000);
    CHECK(atexit(at_exit) == 0);
    first = pthread_self();
    CHECK(pthread_create(&thread, NULL, body, &first) == 0);
    pthread_exit(NULL);
}
