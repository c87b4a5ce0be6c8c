// The program forks while signals arrive all the time, whose handler allocates, in the parent and in the child.
// cflags: -pthread
// args: 120
// soak-args: 30000
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/interrupted.h"

static _Atomic int stop;

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    while (!stop) {
        swap_one(&random);
        give(take(&random));
    }
    return NULL;
}

static void child(struct block known) {
    uint64_t random = (uint64_t)getpid();
    // Timers are not inherited: the child makes its own, and a second one against a hang.
    signal(SIGVTALRM, SIG_DFL);
    signal_every(ITIMER_PROF, 1000);
    struct itimerval hang = {{0, 0}, {20, 0}};
    setitimer(ITIMER_VIRTUAL, &hang, NULL);
    give(known);
    for (int i = 0; i < 200; i++) {
        swap_one(&random);
        give(take(&random));
    }
    signal_every(ITIMER_PROF, 0);
    check_heap();
    _exit(0);
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 200);
    uint64_t random = 88172645463325252u;
    pthread_t threads[3];
    signal_every(ITIMER_REAL, 1000);
    for (size_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (long i = 0; i < count; i++) {
        int status;
        struct block known = take(&random);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child(known);
        CHECK(waitpid(pid, &status, 0) == pid);
        if (status != 0) fprintf(stderr, "fork %ld: status 0x%x\n", i, (unsigned)status);
        CHECK(status == 0);
        give(known);
    }
    signal_every(ITIMER_REAL, 0);
    stop = 1;
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    swap_nothing_more();
    check_heap();
    return 0;
}
