// A signal for the process is never taken by the helper, not one that all other threads block.
// ways: preload so
#include "check.h"

#include <signal.h>

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    sigset_t set;
    served_by_metes();
    // The helper starts with this thread's mask open.
    fill_memory(&random);
    free_most(&random, 0);
    CHECK(tasks() == 2);
    sigfillset(&set);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int number = SIGHUP; number <= SIGRTMAX; number++) {
        if (number == SIGKILL || number == SIGSTOP || number == SIGCONT || (number >= 32 && number < SIGRTMIN)) continue;
        // The kernel's own, for the call that a thread makes just then: where it was blocked the process would end.
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
