// Another library takes a lock of its own before fork, after metes has prepared, and threads allocate while they
// hold that lock. So no thread that the fork waits for may wait for metes.
// shared: fork_lock.c
// preload-also: fork_lock last
// cflags: -pthread
// args: 150
// soak-args: 5000
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/life.h"

enum { WORKERS = 2, KEPT = 64 };

static _Atomic int stop;
static pthread_mutex_t *lock;

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    void *kept[KEPT] = {NULL};
    while (!stop) {
        pthread_mutex_lock(lock);
        life((unsigned)random);
        for (int i = 0; i < KEPT; i++) {
            free(kept[i]);
            kept[i] = malloc(next_random(&random) % 3000 + 1);
            CHECK(kept[i]);
        }
        pthread_mutex_unlock(lock);
    }
    for (int i = 0; i < KEPT; i++) free(kept[i]);
    return NULL;
}

static void fork_once(void) {
    int status;
    void *before = malloc(100);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(60);
        free(before);
        life(3);
        check_heap();
        _exit(0);
    }
    free(before);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv) {
    long forks = argc > 1 ? atol(argv[1]) : 150;
    pthread_t workers[WORKERS];
    served_by_metes();
    lock = dlsym(RTLD_DEFAULT, "fork_lock");
    CHECK(lock);
    for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_create(&workers[i], NULL, work, (void *)i) == 0);
    for (long i = 0; i < forks; i++) fork_once();
    stop = 1;
    for (int i = 0; i < WORKERS; i++) CHECK(pthread_join(workers[i], NULL) == 0);
    check_heap();
    return 0;
}
