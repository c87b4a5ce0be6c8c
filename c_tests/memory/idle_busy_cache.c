// A thread's cache is given back when the thread sleeps, also if it was at work all the time that memory was given
// back.
// ways: preload so
// env: METES_OPTIONS=decay_ms=100
#include "check.h"

#include <time.h>

#include "include/resident.h"

enum { COUNT = 100000 };
static void *mine[COUNT];

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void) {
    served_by_metes();
    size_t before = resident();
    uint64_t random = 1;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 16 + next_random(&random) % 1000;
        CHECK(mine[i] = malloc(size));
        memset(mine[i], 2, size);
    }
    for (size_t i = 0; i < COUNT; i++) free(mine[i]);
    // The cache serves these calls, which call nothing else. Memory is given back ten times meanwhile.
    for (double begin = seconds(); seconds() < begin + 1;)
        for (int i = 0; i < 1000; i++) free(opaque(malloc(100)));
    CHECK(shrinks_to(before + 3 * MIB));
    check_heap();
    return 0;
}
