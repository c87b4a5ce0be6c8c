// metes_stats while no call is under way: each call that succeeded counts once, and heap_live is the bytes handed
// out, whatever the thread caches hold.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "statistics.h"

#define COUNT 300

static void *blocks[COUNT];

static size_t live(void) { return statistics().heap_live; }

static void calls_are(struct metes_stats before, uint64_t mallocs, uint64_t callocs, uint64_t reallocs, uint64_t aligned,
                      uint64_t frees) {
    struct metes_stats now = statistics();
    CHECK(now.malloc_calls - before.malloc_calls == mallocs);
    CHECK(now.calloc_calls - before.calloc_calls == callocs);
    CHECK(now.realloc_calls - before.realloc_calls == reallocs);
    CHECK(now.aligned_calls - before.aligned_calls == aligned);
    CHECK(now.free_calls - before.free_calls == frees);
}

static void blocks_of_a_size(size_t size) {
    struct metes_stats before = statistics();
    size_t one = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        CHECK((blocks[i] = malloc(size)));
        if (i == 0) one = live() - before.heap_live;
        CHECK(one >= size && one <= size + size / 4 + 64);
        calls_are(before, i + 1, 0, 0, 0, 0);
    }
    // All blocks are of a class, so each is as large as the first.
    CHECK(live() == before.heap_live + COUNT * one);
    for (uint64_t i = 0; i < COUNT; i++) {
        free(blocks[i]);
        calls_are(before, COUNT, 0, 0, 0, i + 1);
        CHECK(live() == before.heap_live + (COUNT - 1 - i) * one);
    }
    malloc_trim(0);
    CHECK(live() == before.heap_live);
    calls_are(before, COUNT, 0, 0, 0, COUNT);
}

static void each_kind_of_call(size_t size) {
    struct metes_stats before = statistics();
    void *p = calloc(1, size);
    calls_are(before, 0, 1, 0, 0, 0);
    CHECK((p = realloc(p, 3 * size)) && (p = realloc(p, size / 2)));
    calls_are(before, 0, 1, 2, 0, 0);
    void *q = realloc(NULL, size), *r = NULL;
    CHECK(q && posix_memalign(&r, 64, size) == 0);
    calls_are(before, 0, 1, 3, 1, 0);
    free(p);
    free(q);
    free(r);
    free(NULL);
    calls_are(before, 0, 1, 3, 1, 3);
    CHECK(live() == before.heap_live);
}

static void *allocate_all(void *size) {
    for (int i = 0; i < COUNT; i++) CHECK((blocks[i] = malloc((size_t)size)));
    return NULL;
}

// A thread of another arena frees the blocks: some go home at once, others wait.
static void remote_frees(size_t size) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, allocate_all, (void *)size) == 0 && pthread_join(thread, NULL) == 0);
    struct metes_stats before = statistics();
    free(blocks[0]);
    size_t one = before.heap_live - live();
    CHECK(one >= size && one <= size + size / 4 + 64);
    for (uint64_t i = 1; i < COUNT; i++) {
        free(blocks[i]);
        calls_are(before, 0, 0, 0, 0, i + 1);
        CHECK(live() == before.heap_live - (i + 1) * one);
    }
    malloc_trim(0);
    CHECK(live() == before.heap_live - COUNT * one);
    calls_are(before, 0, 0, 0, 0, COUNT);
}

// Runs in a child process whose memory runs out.
static void failed_calls(size_t size) {
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {64 * MIB, 64 * MIB};
        uint64_t mallocs = 0, callocs = 0;
        void **kept = NULL, **block;
        free(malloc(size));
        struct metes_stats before = statistics();
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        while ((block = malloc(size))) {
            *block = kept;
            kept = block;
            mallocs++;
        }
        for (int i = 0; i < 10; i++) {
            if ((block = calloc(1, size))) {
                *block = kept;
                kept = block;
                callocs++;
            }
            CHECK(malloc(100 * MIB) == NULL && memalign(4096, 100 * MIB) == NULL);
        }
        calls_are(before, mallocs, callocs, 0, 0, 0);
        for (uint64_t freed = 0; kept; freed++) {
            block = *kept;
            free(kept);
            kept = block;
            if (!kept) calls_are(before, mallocs, callocs, 0, 0, freed + 1);
        }
        CHECK(statistics().heap_live == before.heap_live);
        CHECK(statistics().mappings == before.mappings);
        check_heap();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void) {
    static const size_t sizes[] = {16, 100, 1000, 5000, 32000, 50000, 100000};
    served_by_metes();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        blocks_of_a_size(sizes[i]);
        each_kind_of_call(sizes[i]);
        remote_frees(sizes[i]);
        failed_calls(sizes[i]);
    }
    failed_calls(4 * MIB);
    check_heap();
    return 0;
}
