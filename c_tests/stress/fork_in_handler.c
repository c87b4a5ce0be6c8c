// A signal handler that has interrupted malloc or free forks. The child inherits its thread's half-done call, frees
// and allocates all the same, and returns into that call. (POSIX lets fork be called there.)
// args: 300
// soak-args: 20000
// timeout: 120
#include "check.h"

#include <sys/wait.h>

#include "include/interrupted.h"

static volatile long forks, wanted;
static volatile sig_atomic_t in_child;

static void fork_now(int signal) {
    int saved = errno, status;
    uint64_t random = 0x9e3779b97f4a7c15u * (unsigned long)(forks + 1);
    (void)signal;
    if (forks >= wanted || in_child) return;
    forks++;
    give(take(&random));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        in_child = 1;
        alarm(30);
        for (int i = 0; i < 20; i++) give(take(&random));
        // Every second child goes back into the interrupted call.
        if (forks % 2) _exit(0);
        return;
    }
    while (waitpid(pid, &status, 0) != pid) CHECK(errno == EINTR);
    if (status != 0) fprintf(stderr, "fork %ld: status 0x%x\n", forks, (unsigned)status);
    CHECK(status == 0);
    errno = saved;
}

int main(int argc, char **argv) {
    struct itimerval every = {{0, 1000}, {0, 1000}};
    uint64_t random = 88172645463325252u;
    struct block own[64] = {{NULL, 0, 0}};
    struct sigaction action;
    wanted = argument(argc, argv, 1, 300);
    memset(&action, 0, sizeof action);
    action.sa_handler = fork_now;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &every, NULL) == 0);
    while (forks < wanted && !in_child) {
        struct block *mine = &own[next_random(&random) % 64];
        if (mine->at) give(*mine);
        *mine = take(&random);
    }
    for (int i = 0; i < 64; i++)
        if (own[i].at) give(own[i]);
    check_heap();
    if (in_child) _exit(0);
    return 0;
}
