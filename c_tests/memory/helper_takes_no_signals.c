// The helper never takes a signal for the process, not even one that all other threads block.
// ways: preload so
#include "check.h"

#include <signal.h>

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    sigset_t set;
    served_by_metes();
    // The helper starts while this thread blocks no signal.
    fill_memory(&random);
    free_most(&random, 0);
    CHECK(tasks() == 2);
    sigfillset(&set);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int number = SIGHUP; number <= SIGRTMAX; number++) {
        if (number == SIGKILL || number == SIGSTOP || number == SIGCONT || (number >= 32 && number < SIGRTMIN)) continue;
        // The kernel sends SIGSYS for the call that a thread is making. A process that blocks it would end.
        if (number == SIGSYS) continue;
        CHECK(kill(getpid(), number) == 0);
        struct timespec second = {1, 0};
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, number);
        CHECK(sigtimedwait(&one, NULL, &second) == number);
    }
    return 0;
}
