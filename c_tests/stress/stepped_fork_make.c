// A handler forks at each instruction of its thread's first malloc, which makes the thread's cache. The child goes
// on, with other threads beside it that are alive together. Each has a cache of its own, and no object is handed out
// twice.
// cflags: -pthread
// args: 3
// soak-args: 1
#include "include/step.h"

#include <pthread.h>

enum { SIZE = 64, COUNT = 40, PEERS = 4 };

static pthread_barrier_t served, checked;

static void *peer(void *blocks) {
    for (int i = 0; i < COUNT; i++) ((struct block *)blocks)[i] = get(SIZE);
    pthread_barrier_wait(&served);
    pthread_barrier_wait(&checked);
    for (int i = 0; i < COUNT; i++) put(((struct block *)blocks)[i]);
    return NULL;
}

// The process of the action goes on here when the malloc has returned.
static void *first_call(void *arg) {
    static struct block mine[COUNT], others[PEERS][COUNT];
    pthread_t peers[PEERS];
    void *stepped;
    STEP(stepped = malloc(SIZE));
    if (!acted) return arg;
    struct block first = adopt(stepped, SIZE);
    // This block goes on top of this thread's cache.
    struct block cached = get(SIZE);
    put(cached);
    CHECK(pthread_barrier_init(&served, NULL, PEERS + 1) == 0 && pthread_barrier_init(&checked, NULL, PEERS + 1) == 0);
    for (int k = 0; k < PEERS; k++) CHECK(pthread_create(&peers[k], NULL, peer, others[k]) == 0);
    pthread_barrier_wait(&served);
    for (int i = 0; i < COUNT; i++) mine[i] = get(SIZE);
    for (int k = 0; k < PEERS; k++)
        for (int i = 0; i < COUNT; i++) {
            check_stamp(others[k][i]);
            CHECK(others[k][i].at != cached.at && others[k][i].at != first.at);
            for (int j = 0; j < COUNT; j++) CHECK(others[k][i].at != mine[j].at);
            for (int l = 0; l < k; l++)
                for (int j = 0; j < COUNT; j++) CHECK(others[k][i].at != others[l][j].at);
        }
    for (int i = 0; i < COUNT; i++) check_stamp(mine[i]);
    pthread_barrier_wait(&checked);
    for (int k = 0; k < PEERS; k++) CHECK(pthread_join(peers[k], NULL) == 0);
    for (int i = 0; i < COUNT; i++) put(mine[i]);
    put(first);
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
        alarm(60);
        return;
    }
    step_wait(pid);
    _exit(0);
}

int main(int argc, char **argv) {
    step_begin();
    free(malloc(SIZE));
    act_at_each(one, fork_here, argument(argc, argv, 1, 3));
    check_heap();
    return 0;
}
