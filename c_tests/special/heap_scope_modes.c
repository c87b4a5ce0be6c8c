// Scopes and tags hold whatever the options are: also where threads have no caches, where blocks are checked, and over a fork.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const modes[] = {"checks=full", "debug=1", "caches=off", "slabs=off", "guard=1", "verify=20"};

static void *tagged(void *argument) {
    for (int i = 0; i < 100; i++) {
        CHECK(metes_tag_push("worker") == 0);
        char *small = malloc(20 + (size_t)i), *zero = calloc(3, 5000), *aligned = aligned_alloc(128, 300);
        CHECK(metes_heap_of(small) == metes_tag("worker") && metes_heap_of(zero) == metes_tag("worker"));
        CHECK(metes_heap_of(aligned) == metes_tag("worker") && is_aligned(aligned, 128) && zero[14999] == 0);
        memset(small, 1, 20 + (size_t)i);
        small = realloc(small, 3000);
        char *copy = strdup("text"), *fresh = realloc(NULL, 100);
        CHECK(metes_heap_of(small) == metes_tag("worker") && metes_heap_of(copy) == metes_tag("worker"));
        CHECK(metes_heap_of(fresh) == metes_tag("worker"));
        CHECK(metes_tag_pop() == 0);
        free(small);
        free(zero);
        free(aligned);
        free(copy);
        free(fresh);
        void *plain = malloc(100);
        CHECK(metes_heap_of(plain) == NULL);
        free(plain);
    }
    return argument;
}

static void *ends_inside(void *argument) {
    CHECK(metes_tag_push("left") == 0);
    return argument;
}

static void run(void *(*work)(void *), int count) {
    pthread_t threads[8];
    for (int i = 0; i < count; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (int i = 0; i < count; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void in_this_mode(void) {
    for (int round = 0; round < 4; round++) {
        run(tagged, 8);
        run(ends_inside, 2);
    }
    CHECK(heap_live(metes_tag("worker")) == 0);
    struct metes_heap *outer = heap_named("outer"), *inner = heap_named("inner");
    CHECK(metes_heap_enter(outer) == 0 && metes_heap_enter(inner) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    CHECK(metes_heap_of(malloc(10)) == inner && metes_heap_leave(outer) != 0 && metes_heap_leave(inner) == 0);
    CHECK(metes_heap_of(malloc(10)) == outer && metes_heap_leave(outer) == 0 && metes_heap_of(malloc(10)) == NULL);
    CHECK(metes_tag_pop() != 0);
    HEAP_OK(outer);
    HEAP_OK(inner);
    if (child == 0) {
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments) {
    if (count > 1) {
        in_this_mode();
        return 0;
    }
    in_this_mode();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            setenv("METES_OPTIONS", modes[i], 1);
            execl("/proc/self/exe", arguments[0], "in this mode", NULL);
            _exit(3);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        if (status != 0) {
            fprintf(stderr, "%s: status %#x\n", modes[i], status);
            return 1;
        }
    }
    return 0;
}
