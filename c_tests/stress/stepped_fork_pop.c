// A process forks while another of its threads stands at each instruction of malloc or free. In the child a new
// thread takes over that thread's cache. It gets objects of the right class, and none that the other thread held.
// cflags: -pthread
// args: 2
// soak-args: 1
#include "include/step.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

// The cache is filled with one object of these sizes, then two, then four.
enum { SIZE = 32000, BELOW = 28000, FILLS = 1 + 2 + 4, MOST = 200 };

static void (*operation)(void);
static long stride;
static int may_lock;
// The blocks that the victim surely holds: noted after it has got them, and struck off before it gives them back.
static struct block held[MOST];
static volatile int holds_now;
static _Atomic int standing, forked, ended;

static void hold(size_t size) {
    held[holds_now] = get(size);
    holds_now = holds_now + 1;
}

static void let_go(void) {
    holds_now = holds_now - 1;
    put(held[holds_now]);
}

// Waits for the fork, but not when this thread has a lock that the fork is waiting for.
static void stand(void) {
    struct timespec pause = {0, 100000};
    static int locked;
    if (step_count % stride != 0) return;
    if (locked && !forked) return;
    locked = 0;
    forked = 0;
    standing = 1;
    for (int i = 0; !forked && !(may_lock && i == 100); i++) nanosleep(&pause, NULL);
    locked = !forked;
}

static void pop_last(void) {
    for (int i = 0; i < 12; i++) hold(BELOW);
    for (int i = 0; i < 8; i++) let_go();
    for (int i = 0; i < 8; i++) hold(BELOW);
    for (int i = 0; i < FILLS - 1; i++) hold(SIZE);
    void *stepped;
    STEP(stepped = malloc(SIZE));
    held[holds_now] = adopt(stepped, SIZE);
}

static void push_first(void) {
    for (int i = 0; i < 12; i++) hold(BELOW);
    for (int i = 0; i < 8; i++) let_go();
    for (int i = 0; i < 8; i++) hold(BELOW);
    for (int i = 0; i < FILLS + 1; i++) hold(SIZE);
    holds_now = holds_now - 1;
    void *stepped = held[holds_now].at;
    STEP(free(stepped));
}

static void fill_and_pop(void) {
    hold(SIZE);
    for (int i = 0; i < 8; i++) {
        void *stepped;
        STEP(stepped = malloc(SIZE));
        held[holds_now] = adopt(stepped, SIZE);
        holds_now = holds_now + 1;
    }
}

static void push_and_flush(void) {
    for (int i = 0; i < 30; i++) hold(SIZE);
    for (int i = 0; i < 14; i++) {
        holds_now = holds_now - 1;
        void *stepped = held[holds_now].at;
        STEP(free(stepped));
    }
}

static void *victim(void *arg) {
    operation();
    ended = 1;
    return arg;
}

static void *taker(void *arg) {
    struct block blocks[40];
    int count = holds_now;
    for (int i = 0; i < 40; i++) {
        blocks[i] = get(i % 5 == 4 ? BELOW : SIZE);
        for (int k = 0; k < count; k++) CHECK(blocks[i].at != held[k].at);
    }
    for (int k = 0; k < count; k++) put(held[k]);
    for (int i = 0; i < 40; i++) put(blocks[i]);
    malloc_trim(0);
    check_heap();
    return arg;
}

static void fork_and_look(void) {
    pid_t pid = fork();
    forked = 1;
    if (pid == 0) {
        pthread_t thread;
        alarm(20);
        CHECK(pthread_create(&thread, NULL, taker, NULL) == 0 && pthread_join(thread, NULL) == 0);
        _exit(0);
    }
    step_wait(pid);
}

static void try_each(void (*which)(void), int locks, long every) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        long forks = 0;
        operation = which;
        may_lock = locks;
        stride = every;
        step_visit = stand;
        CHECK(pthread_create(&thread, NULL, victim, NULL) == 0);
        while (!ended) {
            if (!standing) {
                sched_yield();
                continue;
            }
            standing = 0;
            fork_and_look();
            forks++;
        }
        CHECK(pthread_join(thread, NULL) == 0);
        check_heap();
#if defined(__x86_64__)
        CHECK(forks > 10);
#endif
        _exit(0);
    }
    step_wait(pid);
}

int main(int argc, char **argv) {
    long every = argument(argc, argv, 1, 2);
    step_begin();
    free(malloc(10));
    try_each(pop_last, 0, 1);
    try_each(push_first, 0, 1);
    try_each(fill_and_pop, 1, every);
    try_each(push_and_flush, 1, every);
    check_heap();
    return 0;
}
