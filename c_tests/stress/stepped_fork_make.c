// A handler forks at each instruction of its thread's first malloc, the one that makes its cache. The child goes on, with
// another thread beside it: each has a cache of its own.
// cflags: -pthread
// args: 8
// soak-args: 1
#include "include/step.h"

#include <pthread.h>

enum { SIZE = 64, COUNT = 40 };

static void *peer(void *blocks) {
    for (int i = 0; i < COUNT; i++) ((struct block *)blocks)[i] = get(SIZE);
    return NULL;
}

// The action's own process: this is what it does when the malloc has returned.
static void *first_call(void *arg) {
    struct block mine[COUNT], others[COUNT];
    pthread_t thread;
    void *stepped;
    STEP(stepped = malloc(SIZE));
    if (!acted) return arg;
    put(adopt(stepped, SIZE));
    // In this thread's cache now, on top.
    struct block cached = get(SIZE);
    put(cached);
    CHECK(pthread_create(&thread, NULL, peer, others) == 0 && pthread_join(thread, NULL) == 0);
    for (int i = 0; i < COUNT; i++) CHECK(others[i].at != cached.at);
    peer(mine);
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) CHECK(mine[i].at != others[k].at);
    for (int i = 0; i < COUNT; i++) {
        put(others[i]);
        put(mine[i]);
    }
    check_heap();
    _exit(0);
}

static void one(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, first_call, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void fork_here(void) {
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        return;
    }
    step_wait(pid);
    _exit(0);
}

int main(int argc, char **argv) {
    step_begin();
    free(malloc(SIZE));
    act_at_each(one, fork_here, argument(argc, argv, 1, 4));
    check_heap();
    return 0;
}
