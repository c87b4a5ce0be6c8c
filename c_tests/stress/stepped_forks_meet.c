// Two threads are interrupted at the same instruction of a malloc, each inside an arena of its own, and both
// handlers fork. Neither waits for the other for ever.
// env: METES_OPTIONS=caches=off,arenas=2
// cflags: -pthread
// args: 10
// soak-args: 1
#include "include/step.h"

#include <pthread.h>

static pthread_barrier_t together;
static _Atomic int arrived;
static long at;
static __thread long steps;

static void fork_there(void) {
    if (steps++ != at) return;
    arrived++;
    while (arrived < 2) continue;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        free(malloc(100));
        _exit(0);
    }
    int status;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void *one(void *arg) {
    void *stepped;
    free(malloc(40000));
    pthread_barrier_wait(&together);
    STEP(stepped = malloc(40000));
    CHECK(stepped);
    // The other thread may wait at an instruction that this one does not reach.
    arrived++;
    free(stepped);
    return arg;
}

int main(int argc, char **argv) {
    long stride = argument(argc, argv, 1, 10);
    step_begin();
    free(malloc(10));
    for (at = 0; at < 300; at += stride) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pthread_t threads[2];
            alarm(60);
            step_visit = fork_there;
            CHECK(pthread_barrier_init(&together, NULL, 2) == 0);
            for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, one, NULL) == 0);
            for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
            check_heap();
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        if (status != 0) fprintf(stderr, "instruction %ld: status 0x%x\n", at, (unsigned)status);
        CHECK(status == 0);
    }
    return 0;
}
