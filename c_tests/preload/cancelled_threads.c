// Threads cancelled while they allocate: malloc and free are no cancellation points, so no lock stays behind.
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/life.h"

static void *body(void *arg) {
    for (unsigned i = (unsigned)(size_t)arg;; i++) {
        life(i);
        pthread_testcancel();
    }
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    served_by_metes();
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
        usleep(200);
        for (int i = 0; i < 4; i++) CHECK(pthread_cancel(threads[i]) == 0);
        for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
    check_heap();
    return 0;
}
