// Many blocks are samples of the profile, at times nearly all, while threads allocate, resize, and free one another's blocks, the
// sampling is switched off and on, and children are forked.
// ways: so a preload
// env: METES_OPTIONS=profile=256
// args: 20000
// soak-args: 2000000
#include "check.h"

#include "include/mix.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

extern int metes_option_set(const char *name, const char *value) __attribute__((weak));

enum { SLOTS = 1000, THREADS = 3 };

static _Atomic(struct block *) shared[SLOTS];
static long rounds;

static void drop(struct block *block) {
    if (!block) return;
    check_stamp(*block);
    free(block->at);
    free(block);
}

static void *work(void *seed) {
    unsigned long x = 88172645463325252UL + (unsigned long)seed;
    for (long i = 0; i < rounds; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        struct block *block = malloc(sizeof *block);
        CHECK(block);
        size_t size = 1 + (x >> 20) % (x % 100 == 0 ? 400000 : x % 10 == 0 ? 40000 : 500);
        unsigned char *at = x & 1 << 16 ? calloc(1, size) : x & 1 << 17 ? memalign(64, size) : malloc(size);
        CHECK(at && malloc_usable_size(at) >= size);
        if (x & 1 << 16)
            for (size_t j = 0; j < size; j += 97) CHECK(at[j] == 0);
        if (x & 1 << 18) {
            at[0] = 7;
            size = 1 + size * (x >> 50) / 5000;
            CHECK((at = realloc(at, size)) && at[0] == 7);
        }
        *block = (struct block){at, size, (unsigned)i};
        stamp(*block);
        drop(atomic_exchange(&shared[(x >> 8) % SLOTS], block));
    }
    return NULL;
}

int main(int argc, char **argv) {
    rounds = argument(argc, argv, 1, 20000);
    for (int turn = 0; turn < 4; turn++) {
        pthread_t threads[THREADS];
        for (long i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 10 * turn)) == 0);
        if (metes_option_set) {
            // With the larger rates small blocks are marked in the stacks.
            static const char *const rates[][2] = {{"1k", "16k"}, {"off", "64"}, {"32k", "off"}, {"off", "16k"}};
            CHECK(metes_option_set("profile", rates[turn][0]) == 0);
            CHECK(metes_option_set("profile", rates[turn][1]) == 0);
        }
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            // The other threads' blocks stay as they are.
            work((void *)77L);
            check_heap();
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        check_heap();
    }
    for (int i = 0; i < SLOTS; i++) drop(shared[i]);
    check_heap();
    return 0;
}
