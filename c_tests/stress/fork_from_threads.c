// Several threads fork at once while others allocate. The child goes on from a thread that was not the first.
// cflags: -pthread
// args: 60
// soak-args: 5000
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/mix.h"

enum { FORKERS = 3, WORKERS = 4 };

static _Atomic int stop;
static long rounds;

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    while (!stop) give(take(&random));
    return NULL;
}

static void *fork_often(void *arg) {
    uint64_t random = 0x2545f4914f6cdd1du * ((size_t)arg + 1);
    for (long i = 0; i < rounds; i++) {
        int status;
        struct block before = take(&random);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(30);
            for (int k = 0; k < 100; k++) give(take(&random));
            give(before);
            // The child's child sees a heap that has been through two forks.
            pid_t second = i % 8 ? 0 : fork();
            CHECK(second >= 0);
            if (second > 0) CHECK(waitpid(second, &status, 0) == second && status == 0);
            give(take(&random));
            check_heap();
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
        give(before);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t workers[WORKERS], forkers[FORKERS];
    rounds = argument(argc, argv, 1, 60);
    for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_create(&workers[i], NULL, work, (void *)i) == 0);
    for (size_t i = 0; i < FORKERS; i++) CHECK(pthread_create(&forkers[i], NULL, fork_often, (void *)i) == 0);
    for (int i = 0; i < FORKERS; i++) CHECK(pthread_join(forkers[i], NULL) == 0);
    stop = 1;
    for (int i = 0; i < WORKERS; i++) CHECK(pthread_join(workers[i], NULL) == 0);
    check_heap();
    return 0;
}
