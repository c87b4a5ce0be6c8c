// Two processes use one list at the same time, at different addresses, under a mutex between processes: each frees what the other has filled.
// libs: -lpthread
// args: 30000
// soak-args: 2000000
#include "check.h"

#include "metes.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { BYTES = 1 << 20, RING = 64 };

struct shared {
    pthread_mutex_t lock;
    size_t blocks[RING], sizes[RING];
    unsigned char list[BYTES] __attribute__((aligned(4096)));
};

static void work(struct shared *shared, unsigned who, long operations) {
    metes_freelist *list = metes_freelist_attach(shared->list, BYTES);
    CHECK(list);
    uint64_t state = 1000003 * (who + 1);
    for (long i = 0; i < operations; i++) {
        unsigned at = (unsigned)(next_random(&state) % RING);
        CHECK(pthread_mutex_lock(&shared->lock) == 0);
        if (shared->blocks[at]) {
            char *p = metes_freelist_pointer(list, shared->blocks[at]);
            CHECK(holds(p, 0, shared->sizes[at], at));
            metes_freelist_free(list, p);
            shared->blocks[at] = 0;
        } else {
            size_t n = next_random(&state) % 3000;
            char *p = metes_freelist_malloc(list, n);
            CHECK(p);
            fill(p, 0, n, at);
            shared->blocks[at] = metes_freelist_offset(list, p);
            shared->sizes[at] = n;
        }
        if (i % 1024 == 0) CHECK(!metes_freelist_check(list));
        CHECK(pthread_mutex_unlock(&shared->lock) == 0);
    }
}

int main(int argc, char **argv) {
    long operations = argc > 1 ? atol(argv[1]) : 1000;
    int fd = memfd_create("list", 0);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(struct shared)) == 0);
    struct shared *here = mmap(NULL, sizeof *here, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(here != MAP_FAILED);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&here->lock, &attributes);
    CHECK(metes_freelist_init(here->list, BYTES, NULL));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        // The same memory, elsewhere.
        struct shared *there = mmap(NULL, sizeof *there, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(there != MAP_FAILED && there != here && munmap(here, sizeof *here) == 0);
        work(there, 1, operations);
        _exit(0);
    }
    work(here, 0, operations);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    metes_freelist *list = metes_freelist_attach(here->list, BYTES);
    for (unsigned at = 0; at < RING; at++)
        if (here->blocks[at]) metes_freelist_free(list, metes_freelist_pointer(list, here->blocks[at]));
    struct metes_freelist_stats stats;
    CHECK(!metes_freelist_check(list) && metes_freelist_stats(list, &stats, sizeof stats) && stats.blocks == 0);
    return 0;
}
