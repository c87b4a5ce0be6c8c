// What a recorded program calls is in the file: each thread's calls, whole and in their order, with addresses and sizes; a
// forked child has a file of its own.
// ways: so a preload
// env: METES_OPTIONS=trace=recorded-%p.raw
// cflags: -pthread
// args: 2000
// soak-args: 200000
#include "check.h"

#include "raw_trace.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, LIVE = 50 };

static long rounds;

// What a thread has called, in memory of its own.
struct done {
    int thread;
    size_t count;
    struct call *calls;
};

static void note(struct done *done, int kind, void *at, size_t size, int align, void *old) {
    done->calls[done->count++] = (struct call){kind, align, (uintptr_t)at, size, (uintptr_t)old};
}

static void *work(void *argument) {
    struct done *done = argument;
    void *live[LIVE] = {0};
    unsigned long x = 88172645463325252UL + (uintptr_t)argument;
    done->thread = (int)syscall(SYS_gettid);
    for (long i = 0; i < rounds; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        void **slot = &live[x % LIVE];
        size_t size = 1 + (x >> 20) % (x % 100 == 0 ? 400000 : x % 10 == 0 ? 40000 : 500);
        void *old = *slot;
        switch (x >> 40 & 7) {
        case 0:
            *slot = realloc(old, size);
            note(done, REALLOC, *slot, size, 0, old);
            continue;
        case 1:
            if (old) {
                *slot = realloc(old, 0);
                CHECK(!*slot);
                note(done, REALLOC, NULL, 0, 0, old);
            }
            continue;
        case 2: {
            // A request that fails is recorded, too.
            void *volatile none = realloc(old, (size_t)1 << 39);
            if (!none) note(done, REALLOC, NULL, (size_t)1 << 39, 0, old);
            else *slot = none, note(done, REALLOC, none, (size_t)1 << 39, 0, old);
            continue;
        }
        default: break;
        }
        if (old) {
            note(done, FREE, old, 0, 0, NULL);
            free(old);
        }
        // Freeing nothing is nothing.
        free(NULL);
        if (x & 1 << 16) *slot = calloc(1, size), note(done, CALLOC, *slot, size, 0, NULL);
        else if (x & 1 << 17) *slot = aligned_alloc(256, size), note(done, ALIGNED, *slot, size, 8, NULL);
        else *slot = malloc(size), note(done, MALLOC, *slot, size, 0, NULL);
    }
    for (int i = 0; i < LIVE; i++)
        if (live[i]) {
            note(done, FREE, live[i], 0, 0, NULL);
            free(live[i]);
        }
    return NULL;
}

static struct done *make(void) {
    size_t bytes = sizeof(struct done) + (3 * (size_t)rounds + LIVE) * sizeof(struct call);
    struct done *done = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(done != MAP_FAILED);
    done->calls = (struct call *)(done + 1);
    return done;
}

// Each record of the thread's since it began to work is what the thread has done.
static void compare(const struct raw_trace *trace, const struct done *done) {
    size_t at = 0, count = 0;
    for (struct cursor cursor = raw_first(trace, done->thread); raw_next(&cursor);) {
        // What the thread's start and end allocate comes before and after.
        if (count == 0 && !same_call(&cursor.call, &done->calls[0])) continue;
        if (count == done->count) break;
        CHECK(same_call(&cursor.call, &done->calls[count]));
        CHECK(cursor.call.kind >= FREE || raw_has_stack(trace, cursor.stack));
        CHECK(cursor.ticks >= at);
        at = cursor.ticks;
        count++;
    }
    CHECK(count == done->count && count > 0);
}

int main(int count, char **args) {
    rounds = count > 1 ? atol(args[1]) : 1000;
    struct done *done[THREADS], *in_child = make();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        done[i] = make();
        CHECK(pthread_create(&threads[i], NULL, work, done[i]) == 0);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        work(in_child);
        struct raw_trace trace = raw_open(getpid());
        compare(&trace, in_child);
        CHECK(unlink(trace.name) == 0);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    struct raw_trace trace = raw_open(getpid());
    for (int i = 0; i < THREADS; i++) compare(&trace, done[i]);
    CHECK(trace.head->missed == 0 && trace.head->stopped == 0 && trace.head->frames == 16);
    CHECK(strstr((const char *)trace.head + 4096, "libc"));
    CHECK(unlink(trace.name) == 0);
    return 0;
}
