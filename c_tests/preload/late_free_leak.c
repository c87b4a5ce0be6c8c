// Thousands of threads end with a free in a key destructor. What a dead thread held is found again, so memory and
// mappings stay where they were.
// cflags: -pthread
// args: 4000
// soak-args: 100000
#include "check.h"

#include <pthread.h>

static pthread_key_t key;

static void free_late(void *p) {
    free(p);
    free(malloc(64));
}

static void *body(void *arg) {
    CHECK(pthread_setspecific(key, malloc(3000)) == 0);
    for (size_t size = 16; size < 4000; size *= 2) free(malloc(size));
    return arg;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 4000;
    pthread_t thread;
    size_t early = 0;
    served_by_metes();
    CHECK(pthread_key_create(&key, free_late) == 0);
    for (long i = 0; i < count; i++) {
        CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        if (i == count / 4) early = resident_bytes();
    }
    CHECK(resident_bytes() < early + MIB);
    check_heap();
    return 0;
}
