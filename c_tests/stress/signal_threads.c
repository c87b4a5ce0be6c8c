// SIGPROF, by the processor time used, hits whichever of four threads runs. The handler allocates and frees there.
// cflags: -pthread
// args: 3
// soak-args: 120
// timeout: 30
#include "check.h"

#include <pthread.h>

#include "include/interrupted.h"

static double end;

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    while (goes_on(end))
        for (int i = 0; i < 100; i++) {
            swap_one(&random);
            give(take(&random));
        }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[4];
    end = now() + (double)argument(argc, argv, 1, 3);
    signal_every(ITIMER_PROF, 1000);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    signal_every(ITIMER_PROF, 0);
    CHECK(signals_seen > 100);
    swap_nothing_more();
    check_heap();
    return 0;
}
