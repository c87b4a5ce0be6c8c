// One thread only allocates, another only frees: the memory must return to the first, and not pile up.
// cflags: -pthread
// args: 400000
// soak-args: 20000000
#include "check.h"

#include <pthread.h>
#include <sched.h>

#include "include/mix.h"

enum { ROOM = 1024 };

static struct block ring[ROOM];
static unsigned long made, used;
static long rounds;

static void *consume(void *arg) {
    for (unsigned long i = 0; i < (unsigned long)rounds; i++) {
        while (__atomic_load_n(&made, __ATOMIC_ACQUIRE) == i) sched_yield();
        give(ring[i % ROOM]);
        __atomic_store_n(&used, i + 1, __ATOMIC_RELEASE);
    }
    return arg;
}

int main(int argc, char **argv) {
    pthread_t consumer;
    uint64_t random = 88172645463325252u;
    size_t early = 0;
    rounds = argument(argc, argv, 1, 400000);
    CHECK(pthread_create(&consumer, NULL, consume, NULL) == 0);
    for (unsigned long i = 0; i < (unsigned long)rounds; i++) {
        while (i - __atomic_load_n(&used, __ATOMIC_ACQUIRE) == ROOM) sched_yield();
        ring[i % ROOM] = take_sized(&random, 1 + next_random(&random) % 2000);
        __atomic_store_n(&made, i + 1, __ATOMIC_RELEASE);
        if (i == (unsigned long)rounds / 8) early = resident_bytes();
    }
    CHECK(pthread_join(consumer, NULL) == 0);
    // 2 MiB are in flight at most.
    CHECK(resident_bytes() < early + 16 * MIB);
    check_heap();
    return 0;
}
