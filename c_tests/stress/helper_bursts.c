// Threads work in bursts and sleep between them. The helper empties their caches while they sleep, or just wake.
// Every block keeps its content, and no object that comes out of a cache is in use.
// cflags: -pthread
// env: METES_OPTIONS=dirty_max=64k,decay_ms=1
// args: 3
// soak-args: 120
#include "check.h"

#include <pthread.h>
#include <time.h>

#include "include/mix.h"

enum { THREADS = 6, LIVE = 400 };

static double end;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    struct block live[LIVE] = {0};
    while (now() < end) {
        for (int i = (int)(next_random(&random) % 3000); i; i--) {
            size_t at = next_random(&random) % LIVE;
            if (live[at].at) give(live[at]);
            live[at] = take(&random);
        }
        // A burst of frees now and then, so that there is something to trim.
        if (next_random(&random) % 4 == 0)
            for (size_t at = 0; at < LIVE; at++) {
                if (live[at].at) give(live[at]);
                live[at].at = NULL;
            }
        struct timespec pause = {0, (long)(next_random(&random) % 4000000)};
        nanosleep(&pause, NULL);
    }
    for (size_t at = 0; at < LIVE; at++)
        if (live[at].at) give(live[at]);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    end = now() + (double)argument(argc, argv, 1, 3);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    while (now() < end) {
        check_heap();
        usleep(20000);
    }
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
