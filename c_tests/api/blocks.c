// Live blocks are distinct, do not overlap, and are the caller's to the last
// usable byte.

#include "check.h"

#define LIVE 4096
#define STEPS 60000

static struct {
    unsigned char *at;
    size_t usable;
    unsigned seed;
} live[LIVE];

// Mostly small, now and then up to 512 KiB: every tier takes part.
static size_t some_size(uint64_t *random) {
    uint64_t r = next_random(random);
    unsigned magnitude = (r >> 32) % 256 == 0 ? 19 : (r >> 32) % 16 == 0 ? 14 : 9;
    return r % ((size_t)1 << (1 + (r >> 48) % magnitude));
}

static void put(int slot, uint64_t *random) {
    size_t size = some_size(random);
    live[slot].at = (unsigned char *)malloc(size);
    CHECK(live[slot].at);
    live[slot].usable = malloc_usable_size(live[slot].at);
    CHECK(live[slot].usable >= size);
    live[slot].seed = (unsigned)next_random(random);
    fill(live[slot].at, 0, live[slot].usable, live[slot].seed);
}

static void take(int slot) {
    CHECK(malloc_usable_size(live[slot].at) == live[slot].usable);
    CHECK(holds(live[slot].at, 0, live[slot].usable, live[slot].seed));
    free(live[slot].at);
    live[slot].at = NULL;
}

static int by_address(const void *a, const void *b) {
    const uintptr_t *left = (const uintptr_t *)a, *right = (const uintptr_t *)b;
    return (*left > *right) - (*left < *right);
}

static void zero_sized_blocks_are_distinct(void) {
    static void *blocks[1000];
    static uintptr_t addresses[1000];
    for (int i = 0; i < 1000; i++) {
        blocks[i] = malloc(0);
        CHECK(blocks[i]);
        addresses[i] = (uintptr_t)blocks[i];
    }
    qsort(addresses, 1000, sizeof addresses[0], by_address);
    for (int i = 1; i < 1000; i++)
        CHECK(addresses[i] != addresses[i - 1]);
    for (int i = 0; i < 1000; i++)
        free(blocks[i]);
}

int main(void) {
    served_by_metes();
    zero_sized_blocks_are_distinct();
    uint64_t random = 42;
    for (int i = 0; i < LIVE; i++)
        put(i, &random);
    for (int i = 0; i < STEPS; i++) {
        int slot = (int)(next_random(&random) % LIVE);
        take(slot);
        put(slot, &random);
        if (i % 10000 == 0)
            check_heap();
    }
    for (int i = 0; i < LIVE; i++)
        take(i);
    check_heap();
}
