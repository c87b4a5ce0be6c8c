// Another thread that does one thing and ends.
#ifndef METES_DETECT_THREAD_H
#define METES_DETECT_THREAD_H

#include "detect.h"

#include <pthread.h>

// The thread starts before the bug: starting it allocates, and could get the very block.
typedef struct {
    pthread_t thread;
    pthread_barrier_t turn;
    void (*does)(void *);
    void *with;
} other_thread;

__attribute__((unused)) static void *other_thread_body(void *argument) {
    other_thread *other = (other_thread *)argument;
    pthread_barrier_wait(&other->turn);
    other->does(other->with);
    return NULL;
}

__attribute__((unused)) static void start_other(other_thread *other) {
    CHECK(pthread_barrier_init(&other->turn, NULL, 2) == 0);
    CHECK(pthread_create(&other->thread, NULL, other_thread_body, other) == 0);
}

// Lets the thread call `what`, and waits for the thread's end.
__attribute__((unused)) static void other_does(other_thread *other, void (*what)(void *), void *with) {
    other->does = what;
    other->with = with;
    pthread_barrier_wait(&other->turn);
    CHECK(pthread_join(other->thread, NULL) == 0);
}

#endif
