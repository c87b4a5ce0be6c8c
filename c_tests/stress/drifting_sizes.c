// Threads change their sizes all the time and free one another's blocks: slabs become mixed slabs while they work.
// env: METES_OPTIONS=decay_ms=0
// args: 40
// soak-args: 200
#include "check.h"
#include "statistics.h"

#include <pthread.h>

enum { THREADS = 4, SLOTS = 200000 };
static struct slot {
    unsigned char *block;
    size_t size;
} slots[THREADS][SLOTS];
static pthread_mutex_t locks[THREADS];
static size_t rounds;
static _Atomic int mixed;

static void end(struct slot *slot) {
    if (!slot->block) return;
    CHECK(slot->block[0] == (unsigned char)slot->size && slot->block[slot->size - 1] == (unsigned char)slot->size);
    free(slot->block);
    slot->block = NULL;
}

static void *work(void *argument) {
    size_t self = (size_t)argument;
    uint64_t random = 88172645463325252u + self;
    for (size_t round = 0; round < rounds; round++) {
        size_t limit = (size_t)32 << (round + self) % 8;
        // The thread's own slots or, in turns, another's.
        size_t whose = (self + round % 2) % THREADS;
        pthread_mutex_lock(&locks[whose]);
        for (size_t i = 0; i < SLOTS / 2; i++) {
            struct slot *slot = &slots[whose][next_random(&random) % SLOTS];
            end(slot);
            if (next_random(&random) % (limit / 64 + 1)) continue;
            slot->size = limit / 2 + next_random(&random) % (limit / 2) + 1;
            switch (next_random(&random) % 8) {
            case 0: slot->block = calloc(1, slot->size); break;
            case 1: slot->block = aligned_alloc(64, slot->size); break;
            case 2: slot->block = realloc(malloc(16), slot->size); break;
            default: slot->block = malloc(slot->size);
            }
            CHECK(slot->block);
            slot->block[0] = slot->block[slot->size - 1] = (unsigned char)slot->size;
        }
        pthread_mutex_unlock(&locks[whose]);
        if (statistics().mixed_slabs) mixed = 1;
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 40;
    for (size_t i = 0; i < THREADS; i++) pthread_mutex_init(&locks[i], NULL);
    for (size_t i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, (void *)i));
    for (size_t i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    CHECK(mixed);
    CHECK(!find_metes_check()());
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 0; k < SLOTS; k++) end(&slots[i][k]);
    CHECK(!find_metes_check()());
    return 0;
}
