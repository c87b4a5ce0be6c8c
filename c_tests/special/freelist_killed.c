// Processes that use a shared list are killed at random moments. Where one ended inside an operation the list says so, is recovered, and all that was
// handed out before is whole.
// libs: -lpthread
// args: 400
// soak-args: 20000
#include "check.h"

#include "metes.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { BYTES = 256 << 10, BLOCKS = 200 };

struct shared {
    pthread_mutex_t lock;
    // What the living know: a place that is being changed is 0.
    volatile size_t blocks[BLOCKS], sizes[BLOCKS];
    volatile long operations;
    unsigned char list[BYTES] __attribute__((aligned(4096)));
};

__attribute__((noreturn)) static void work(struct shared *shared, uint64_t state) {
    metes_freelist *list = metes_freelist_attach(shared->list, BYTES);
    CHECK(list);
    for (;;) {
        unsigned at = (unsigned)(next_random(&state) % BLOCKS);
        size_t n = next_random(&state) % (next_random(&state) % 8 ? 200 : 20000), held = shared->blocks[at];
        CHECK(pthread_mutex_lock(&shared->lock) == 0);
        char *p = held ? metes_freelist_pointer(list, held) : NULL;
        if (p && n % 3 == 0) {
            shared->blocks[at] = 0;
            char *moved = metes_freelist_realloc(list, p, n);
            if (moved) {
                fill(moved, 0, n, at);
                shared->sizes[at] = n;
                shared->blocks[at] = metes_freelist_offset(list, moved);
            } else {
                shared->blocks[at] = held;
            }
        } else if (p) {
            shared->blocks[at] = 0;
            metes_freelist_free(list, p);
        } else {
            p = n % 5 ? metes_freelist_malloc(list, n) : metes_freelist_aligned_alloc(list, 64, n);
            if (p) {
                fill(p, 0, n, at);
                shared->sizes[at] = n;
                shared->blocks[at] = metes_freelist_offset(list, p);
            }
        }
        shared->operations++;
        pthread_mutex_unlock(&shared->lock);
    }
}

static int lost(void *argument, void *block, size_t bytes, int in_use) {
    (void)bytes;
    struct shared *shared = argument;
    if (!in_use) return 0;
    size_t offset = (size_t)((unsigned char *)block - shared->list);
    for (unsigned at = 0; at < BLOCKS; at++)
        if (shared->blocks[at] == offset) return 0;
    // What nobody knows of is given back: it was being handed out, or freed.
    shared->operations = (long)offset;
    return 1;
}

static void take_over(struct shared *shared, metes_freelist *list, long *unfinished) {
    int locked = pthread_mutex_lock(&shared->lock);
    CHECK(locked == 0 || locked == EOWNERDEAD);
    if (locked == EOWNERDEAD) pthread_mutex_consistent(&shared->lock);
    errno = 0;
    CHECK(metes_freelist_attach(shared->list, BYTES) == list);
    if (errno == EOWNERDEAD) {
        CHECK(locked == EOWNERDEAD && metes_freelist_unfinished(list) && metes_freelist_check(list));
        CHECK(metes_freelist_recover(list) == 0);
        ++*unfinished;
    }
    const char *broken = metes_freelist_check(list);
    if (broken) check_failed(__FILE__, __LINE__, broken);
    for (unsigned at = 0; at < BLOCKS; at++)
        if (shared->blocks[at])
            CHECK(holds(metes_freelist_pointer(list, shared->blocks[at]), 0, shared->sizes[at], at));
    while (metes_freelist_walk(list, lost, shared) == 1)
        metes_freelist_free(list, metes_freelist_pointer(list, (size_t)shared->operations));
    CHECK(!metes_freelist_check(list));
    pthread_mutex_unlock(&shared->lock);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 100, unfinished = 0;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->lock, &attributes);
    for (unsigned fit = METES_FIT_BEST; fit <= METES_FIT_WORST; fit++) {
        struct metes_freelist_options options = {.size = sizeof options, .fit = fit, .shared = 1};
        metes_freelist *list = metes_freelist_init(shared->list, BYTES, &options);
        CHECK(list);
        memset((void *)shared->blocks, 0, sizeof shared->blocks);
        uint64_t state = 7 + fit;
        for (long round = 0; round < rounds; round++) {
            uint64_t seed = next_random(&state);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) work(shared, seed);
            struct timespec pause = {0, (long)(next_random(&state) % 1500000)};
            nanosleep(&pause, NULL);
            int status;
            CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
            CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            take_over(shared, list, &unfinished);
        }
    }
    printf("%ld of %ld processes ended inside an operation\n", unfinished, 3 * rounds);
    return 0;
}
