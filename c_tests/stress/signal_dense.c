// Another thread sends signals as fast as they are taken: sooner or later one lands between any two instructions of
// malloc and free. Each of two signals can interrupt the handler of the other.
// cflags: -pthread
// args: 3
// soak-args: 120
// timeout: 30
#include "check.h"

#include <pthread.h>
#include <sched.h>

#include "include/interrupted.h"

static pthread_t target;
static _Atomic int stop;

static void *send(void *arg) {
    while (!stop) {
        unsigned long before = signals_seen;
        pthread_kill(target, SIGUSR1);
        pthread_kill(target, SIGUSR2);
        for (int i = 0; i < 1000 && signals_seen == before && !stop; i++) sched_yield();
    }
    return arg;
}

int main(int argc, char **argv) {
    double end = now() + (double)argument(argc, argv, 1, 3);
    uint64_t random = 88172645463325252u;
    struct sigaction action;
    pthread_t sender;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    target = pthread_self();
    CHECK(pthread_create(&sender, NULL, send, NULL) == 0);
    while (goes_on(end))
        for (int i = 0; i < 100; i++) {
            swap_one(&random);
            give(take_sized(&random, 1 + next_random(&random) % 3000));
        }
    stop = 1;
    CHECK(pthread_join(sender, NULL) == 0);
    CHECK(signals_seen > 100);
    swap_nothing_more();
    check_heap();
    return 0;
}
