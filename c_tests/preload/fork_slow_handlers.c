// Another library's fork handlers take their time. Threads without caches go on allocating meanwhile, and each call
// comes to an arena that the fork keeps frozen. A thread that the fork cuts off in a call is in the arena aside. A
// child and its own child are whole all the same.
// shared: fork_lock.c
// preload-also: fork_lock last
// env: METES_OPTIONS=caches=off,arenas=2
// cflags: -pthread
// args: 60
// soak-args: 3000
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "include/life.h"

enum { WORKERS = 4, SHARED = 256 };

static _Atomic int stop;
// Blocks of all threads. A child frees those that it finds, and some come from the arena aside.
static void *_Atomic shared[SHARED];

static void trade(uint64_t *random) {
    size_t size = next_random(random) % 2000 + 1;
    unsigned char *block = malloc(size);
    CHECK(block);
    block[0] = 7, block[size - 1] = 7;
    unsigned char *other = atomic_exchange(&shared[next_random(random) % SHARED], (void *)block);
    CHECK(!other || other[0] == 7);
    free(other);
}

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    for (unsigned i = 0; !stop; i++) {
        trade(&random);
        if (i % 64 == 0) life(i);
    }
    return NULL;
}

static void *fork_more(void *depth) {
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        uint64_t random = 88172645463325252u;
        alarm(60);
        for (int i = 0; i < SHARED; i++) free(atomic_exchange(&shared[i], NULL));
        for (int i = 0; i < 200; i++) trade(&random);
        life(3);
        check_heap();
        if (depth) {
            pthread_t second;
            stop = 1;
            CHECK(pthread_create(&second, NULL, work, (void *)9) == 0);
            CHECK(pthread_join(second, NULL) == 0);
            fork_more(NULL);
        }
        check_heap();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return NULL;
}

int main(int argc, char **argv) {
    long forks = argc > 1 ? atol(argv[1]) : 60;
    pthread_t workers[WORKERS];
    served_by_metes();
    unsigned *slowness = dlsym(RTLD_DEFAULT, "fork_lock_slowness");
    CHECK(slowness);
    *slowness = 500;
    for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_create(&workers[i], NULL, work, (void *)i) == 0);
    for (long i = 0; i < forks; i++) fork_more(i % 4 ? NULL : (void *)1);
    stop = 1;
    for (int i = 0; i < WORKERS; i++) CHECK(pthread_join(workers[i], NULL) == 0);
    for (int i = 0; i < SHARED; i++) free(atomic_exchange(&shared[i], NULL));
    check_heap();
    return 0;
}
