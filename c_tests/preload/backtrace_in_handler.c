// A profiler's handler unwinds the stack and allocates, a thousand times a second. Meanwhile the program allocates,
// and another thread opens and closes libraries, which holds ld.so's lock.
// cflags: -pthread -rdynamic
// timeout: 60
#include "check.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "include/life.h"

static _Atomic int stop;
static _Atomic unsigned long taken;

static void handler(int signal) {
    int saved = errno;
    void *frames[64];
    (void)signal;
    int depth = backtrace(frames, 64);
    void *copy = malloc(sizeof frames);
    CHECK(copy && depth > 0);
    memcpy(copy, frames, sizeof frames);
    free(copy);
    taken++;
    errno = saved;
}

static void *open_and_close(void *arg) {
    while (!stop) {
        // dlopen holds locks of libc's own that no handler may wait for in the same thread.
        void *library = dlopen("libm.so.6", RTLD_NOW);
        CHECK(library);
        dlclose(library);
    }
    return arg;
}

int main(void) {
    struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    void *warm[8];
    struct timespec from, to;
    sigset_t profile;
    pthread_t thread;
    served_by_metes();
    // The first call loads libgcc_s, which must not happen in a handler.
    CHECK(backtrace(warm, 8) > 0);
    sigemptyset(&profile);
    sigaddset(&profile, SIGPROF);
    CHECK(pthread_sigmask(SIG_BLOCK, &profile, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, open_and_close, NULL) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &profile, NULL) == 0);
    signal(SIGPROF, handler);
    CHECK(setitimer(ITIMER_PROF, &every, NULL) == 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        for (unsigned i = 0; i < 20; i++) life(i);
        clock_gettime(CLOCK_MONOTONIC, &to);
    } while (to.tv_sec - from.tv_sec < 3 || taken <= 50);
    CHECK(setitimer(ITIMER_PROF, &never, NULL) == 0);
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(taken > 50);
    check_heap();
    return 0;
}
