// A process whose threads have all ended with pthread_exit ends, with or without a helper.
// ways: preload so
// cflags: -pthread
// env: METES_OPTIONS=decay_ms=20000
#include "check.h"

#include <pthread.h>

#include "include/resident.h"

static void *other(void *arg) {
    usleep(300000);
    return arg;
}

int main(void) {
    uint64_t random = 88172645463325252u;
    pthread_t thread;
    served_by_metes();
    fill_memory(&random);
    free_most(&random, 0);
    CHECK(tasks() == 2);
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0 && pthread_detach(thread) == 0);
    pthread_exit(NULL);
}
