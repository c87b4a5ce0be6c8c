// Four threads are sent signals as fast as they take them, each inside some lock while its handler wants another
// thread's. A thread that was interrupted inside must not wait for another.
// cflags: -pthread
// args: 3
// soak-args: 120
// timeout: 30
#include "check.h"

#include <pthread.h>
#include <sched.h>

#include "include/interrupted.h"

enum { THREADS = 4 };

static double end;
static _Atomic int gone;

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    while (goes_on(end))
        for (int i = 0; i < 100; i++) {
            swap_one(&random);
            give(take(&random));
        }
    gone++;
    while (gone < THREADS) sched_yield();
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    struct sigaction action;
    end = now() + (double)argument(argc, argv, 1, 3);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    while (gone < THREADS) {
        unsigned long before = signals_seen;
        for (int i = 0; i < THREADS; i++) pthread_kill(threads[i], SIGUSR1);
        for (int i = 0; i < 100 && signals_seen < before + THREADS; i++) sched_yield();
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(signals_seen > 100);
    swap_nothing_more();
    check_heap();
    return 0;
}
