// Where no pthread key is left, the allocator does not learn of a thread's end. Thousands of threads, one after the
// other, still find again what the ones before them had, and the address space does not grow.
// cflags: -pthread
// args: 2000
// soak-args: 50000
#include "check.h"

#include <limits.h>
#include <pthread.h>

#include "include/address_space.h"

static void *body(void *arg) {
    free(malloc(10));
    free(malloc(3000));
    return arg;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
    pthread_key_t key;
    pthread_t thread;
    size_t early = 0;
    served_by_metes();
    while (pthread_key_create(&key, NULL) == 0) continue;
    for (long i = 0; i < count; i++) {
        CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        if (i == 100) early = address_space();
    }
    CHECK(address_space() < early + 4 * MIB);
    check_heap();
    return 0;
}
