// Random replace: of LIVE blocks one is freed and one of 1..MAX bytes allocated in its place, N times. Prints nanoseconds
// for each pair of malloc and free.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    size_t live = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    size_t max = argc > 2 ? strtoul(argv[2], NULL, 10) : 512;
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
    char **blocks = calloc(live, sizeof *blocks);
    if (!blocks || !max)
        return 1;
    for (size_t i = 0; i < live; i++)
        blocks[i] = malloc(1 + next_random() % max);
    double start = now_ns();
    for (size_t i = 0; i < n; i++) {
        size_t k = next_random() % live;
        free(blocks[k]);
        blocks[k] = malloc(1 + next_random() % max);
        if (!blocks[k])
            return 1;
        blocks[k][0] = 1;
    }
    printf("%.1f\n", (now_ns() - start) / n);
    for (size_t i = 0; i < live; i++)
        free(blocks[i]);
    free(blocks);
    return 0;
}
