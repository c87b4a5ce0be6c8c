// A handler leaves malloc and free by siglongjmp, at each of their instructions. The thread goes on and ends, and
// the next one takes over its cache. Both get objects of the right class, and none that is in use.
// cflags: -pthread
#include "include/step.h"

#include <pthread.h>
#include <setjmp.h>

// The cache is filled with one object of these sizes, then two, then four.
enum { SIZE = 32000, BELOW = 28000, FILLS = 1 + 2 + 4, KEPT = 8, HELD = KEPT + FILLS };

static sigjmp_buf back;
static long leave_at;
static volatile int jumped;
static void (*operation)(void);
static struct block held[HELD], stepped;

static void leave(void) {
    if (step_count != leave_at) return;
    jumped = 1;
    stepping = 0;
    siglongjmp(back, 1);
}

// What remains of the stack below must not be served, because its class is smaller.
static void fill_below(void) {
    struct block below[12];
    for (int i = 0; i < 12; i++) below[i] = get(BELOW);
    for (int i = 0; i < KEPT; i++) put(below[i]);
    for (int i = 0; i < KEPT; i++) held[i] = get(BELOW);
}

static void pop_last(void) {
    fill_below();
    for (int i = KEPT; i < HELD - 1; i++) held[i] = get(SIZE);
    STEP(held[HELD - 1].at = malloc(SIZE));
    if (!jumped) held[HELD - 1] = adopt(held[HELD - 1].at, SIZE);
}

static void push_first(void) {
    fill_below();
    for (int i = KEPT; i < HELD; i++) held[i] = get(SIZE);
    stepped = get(SIZE);
    STEP(free(stepped.at));
}

static void use(void) {
    struct block blocks[16];
    for (int i = 0; i < 16; i++) blocks[i] = get(i % 4 ? SIZE : BELOW);
    for (int i = 0; i < 8; i++) put(blocks[i]);
    for (int i = 0; i < 8; i++) blocks[i] = get(SIZE);
    for (int i = 0; i < 16; i++) put(blocks[i]);
}

static void *first_thread(void *arg) {
    step_visit = leave;
    if (!sigsetjmp(back, 1)) operation();
    use();
    return arg;
}

static void *second_thread(void *arg) {
    use();
    for (int i = 0; i < HELD - 1; i++) put(held[i]);
    use();
    return arg;
}

static void try_each(void (*which)(void)) {
    int last = 0;
    operation = which;
    for (leave_at = 0; !last; leave_at++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pthread_t thread;
            alarm(20);
            CHECK(pthread_create(&thread, NULL, first_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
            CHECK(pthread_create(&thread, NULL, second_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
            check_heap();
            _exit(jumped ? 0 : 9);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        last = WIFEXITED(status) && WEXITSTATUS(status) == 9;
        if (!last && status) fprintf(stderr, "instruction %ld: status 0x%x\n", leave_at, (unsigned)status);
        CHECK(last || status == 0);
    }
#if defined(__x86_64__)
    CHECK(leave_at > 10);
#endif
}

int main(void) {
    step_begin();
    try_each(pop_last);
    try_each(push_first);
    check_heap();
    return 0;
}
