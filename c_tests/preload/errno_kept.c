// free leaves errno alone whatever it does inside: unmapping, purging, giving back to another thread.
// cflags: -pthread
#include "check.h"

#include <pthread.h>

static void *make(void *arg) {
    void **blocks = arg;
    for (size_t i = 0; i < 1000; i++) CHECK((blocks[i] = malloc(i % 100 == 0 ? 2 * MIB : 1 + i * 13)));
    return NULL;
}

int main(void) {
    static void *blocks[1000];
    pthread_t thread;
    served_by_metes();
    for (int round = 0; round < 10; round++) {
        if (round % 2) {
            CHECK(pthread_create(&thread, NULL, make, blocks) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
        } else {
            make(blocks);
        }
        for (int i = 0; i < 1000; i++) {
            errno = 4000 + i;
            free(blocks[i]);
            CHECK(errno == 4000 + i);
        }
        // Calls that succeed do not touch it either.
        errno = EDOM;
        free(malloc(100));
        free(calloc(10, 10));
        CHECK(errno == EDOM);
    }
    check_heap();
    return 0;
}
