// A process with a hundred threads forks after all have used the heap: taking the locks must take no noticeable
// time.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "include/life.h"

static pthread_barrier_t turn;

static void *body(void *arg) {
    life((unsigned)(size_t)arg);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return NULL;
}

int main(void) {
    enum { THREADS = 100, FORKS = 50 };
    pthread_t threads[THREADS];
    struct timespec from, to;
    int status;
    served_by_metes();
    pthread_barrier_init(&turn, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    pthread_barrier_wait(&turn);
    // The processor time of this thread, whatever else the machine does.
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) _exit(0);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    // A fork takes about half a millisecond. A hundred times that would be due to metes.
    CHECK(to.tv_sec - from.tv_sec < 3);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
