// Guarding is switched on and off in a running program, also for loops that never leave a thread's cache, and in
// another thread.
// libs: -lpthread
// stderr: metes: bad value '0' for option 'guard': it takes .*
// stderr: metes: option 'fit' cannot be changed in a running program: those that can are .*
// stderr: metes: unknown option 'nonsense': those that can be changed in a running program are .*
#include "include/guard.h"
#include <pthread.h>

static long loop(long rounds) {
    long found = 0;
    for (long i = 0; i < rounds; i++) {
        char *p = unseen(malloc(99));
        found += is_guarded(p, 99);
        free(p);
    }
    return found;
}

static int stop, seen;

static void *other(void *argument) {
    (void)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        __atomic_fetch_add(&seen, (int)loop(1000), __ATOMIC_RELAXED);
    return NULL;
}

int main(void) {
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, other, NULL));
    CHECK(loop(1000000) == 0);
    CHECK(set_option("guard", "100") == 0);
    long found = loop(1000000);
    // One in a hundred, with six standard deviations.
    CHECK(found > 9600 && found < 10400);
    CHECK(__atomic_load_n(&seen, __ATOMIC_RELAXED) > 0);
    CHECK(set_option("guard", "off") == 0);
    CHECK(loop(1000000) == 0);
    CHECK(set_option("guard", "1") == 0);
    CHECK(loop(1000) == 1000);
    CHECK(set_option("guard", "1000") == 0);
    found = loop(1000000);
    CHECK(found > 850 && found < 1150);
    CHECK(set_option("guard", "off") == 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    errno = 0;
    CHECK(set_option("guard", "0") == -1 && errno == EINVAL);
    CHECK(set_option("fit", "best") == -1 && errno == EINVAL);
    CHECK(set_option("nonsense", "1") == -1 && errno == EINVAL);
    CHECK(set_option("cutoff", "1m") == 0 && set_option("dirty_max", "1m") == 0 && set_option("arenas", "1") == 0);
    check_whole();
    return 0;
}
