// What an allocation token costs: a random one of 1,024 blocks of 16 to 271 bytes is replaced, with the token of types
// without pointers (0) and that of others (1). Nanoseconds of CPU time for a malloc and a free, the least of five runs.
// cc -O2 benches/special/tokens.c -o target/tokens target/release/libmetes.so && LD_LIBRARY_PATH=target/release target/tokens
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void *__alloc_token_malloc(size_t, size_t);

enum { BLOCKS = 1024, STEPS = 4000000, RUNS = 5 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double replace(size_t token) {
    static void *blocks[BLOCKS];
    unsigned random = 1;
    double start = now();
    for (int i = 0; i < STEPS; i++) {
        random = random * 1664525 + 1013904223;
        unsigned at = random >> 22;
        free(blocks[at]);
        blocks[at] = __alloc_token_malloc(16 + (random >> 8 & 255), token);
    }
    double spent = now() - start;
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return spent / STEPS;
}

int main(void) {
    double least[2] = {1e9, 1e9};
    for (int run = 0; run < RUNS; run++) {
        for (size_t token = 0; token < 2; token++) {
            double spent = replace(token);
            least[token] = spent < least[token] ? spent : least[token];
        }
    }
    printf("token 0 %.1f ns, token 1 %.1f ns\n", least[0], least[1]);
    return 0;
}
