// Each thread's first call of the allocator is a free in the second round of its key destructors, or a later one.
// What the allocator takes for such a thread is found again, so the address space does not grow.
// cflags: -pthread
// args: 1200
// soak-args: 50000
#include "check.h"

#include <pthread.h>

#include "include/address_space.h"

static pthread_key_t key;
static __thread int round_now;
static int rounds;
static void *block;

static void free_late(void *value) {
    if (++round_now < rounds)
        CHECK(pthread_setspecific(key, value) == 0);
    else
        free(block);
}

static void *body(void *arg) {
    CHECK(pthread_setspecific(key, &key) == 0);
    return arg;
}

static void *early_body(void *arg) {
    free(malloc(9));
    return arg;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1200;
    pthread_t thread;
    size_t early = 0;
    served_by_metes();
    // The allocator's own key comes first, if it has one, so that its destructor has run before the free.
    CHECK(pthread_create(&thread, NULL, early_body, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_key_create(&key, free_late) == 0);
    for (long i = 0; i < count; i++) {
        rounds = 2 + (int)(i % 3);
        CHECK((block = malloc(100)));
        CHECK(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
        if (i == 100) early = address_space();
    }
    CHECK(address_space() < early + 4 * MIB);
    check_heap();
    return 0;
}
