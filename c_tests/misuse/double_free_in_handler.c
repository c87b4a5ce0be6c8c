// A signal handler frees a block twice while its thread is inside malloc: the frees are deferred, the report is the
// same.
// exit: SIGABRT
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// timeout: 30
#include "check.h"

#include <signal.h>
#include <sys/time.h>

static void *volatile victim;

static void on_alarm(int number) {
    void *p = victim;
    (void)number;
    victim = NULL;
    free(p);
    free(p);
}

int main(void) {
    void *blocks[500];
    struct itimerval often = {{0, 500}, {0, 500}};
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (;;) {
        if (!victim) victim = malloc(100);
        for (int i = 0; i < 500; i++) blocks[i] = malloc(40 + (size_t)i);
        for (int i = 0; i < 500; i++) free(blocks[i]);
    }
}
