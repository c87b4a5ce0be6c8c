// Blocks exchanged between a program and its own signal handler: what one allocates, the other frees. Slots are swapped
// whole, so a signal between any two instructions finds them right.
#ifndef INTERRUPTED_H
#define INTERRUPTED_H

#include "check.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "mix.h"

enum { SWAPPED = 128 };

struct note {
    size_t size;
    unsigned seed;
};

static _Atomic(struct note *) swapped[SWAPPED];
static _Atomic unsigned long signals_seen;

__attribute__((unused)) static struct block body_of(struct note *n) {
    return (struct block){(unsigned char *)(n + 1), n->size, n->seed};
}

__attribute__((unused)) static void swap_one(uint64_t *random) {
    size_t size = some_size(random);
    struct note *n = (struct note *)malloc(sizeof *n + size);
    CHECK(n);
    *n = (struct note){size, (unsigned)*random};
    stamp(body_of(n));
    if (*random % 4 == 0) {
        size /= 2;
        n = (struct note *)realloc(n, sizeof *n + size + 1);
        CHECK(n);
        n->size = size + 1;
        stamp(body_of(n));
    }
    n = __atomic_exchange_n(&swapped[next_random(random) % SWAPPED], n, __ATOMIC_ACQ_REL);
    if (!n) return;
    check_stamp(body_of(n));
    free(n);
}

__attribute__((unused)) static void on_signal(int signal) {
    (void)signal;
    int saved = errno;
    uint64_t random = 0x9e3779b97f4a7c15u * (++signals_seen);
    for (int i = 0; i < 4; i++) swap_one(&random);
    errno = saved;
}

__attribute__((unused)) static void swap_nothing_more(void) {
    for (int i = 0; i < SWAPPED; i++) free(__atomic_exchange_n(&swapped[i], NULL, __ATOMIC_ACQ_REL));
}

// ITIMER_REAL counts time and raises SIGALRM, ITIMER_PROF counts processor time and raises SIGPROF. 0 stops it.
__attribute__((unused)) static void signal_every(int timer, long microseconds) {
    struct itimerval every = {{0, microseconds}, {0, microseconds}};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(timer == ITIMER_PROF ? SIGPROF : SIGALRM, &action, NULL) == 0);
    CHECK(setitimer((__itimer_which_t)timer, &every, NULL) == 0);
}

__attribute__((unused)) static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Whether to go on: until that moment, and for 100 signals on a busy machine.
__attribute__((unused)) static int goes_on(double end) { return now() < end || signals_seen <= 100; }

#endif
