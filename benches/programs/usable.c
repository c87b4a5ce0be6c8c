// Usable: malloc_usable_size of a few blocks over and over, as in programs that count what they hold, or use all
// that they have.
//
// bench: usable_small min=16 max=1k
// bench: usable min=40k max=200k
// bench: usable_mapped min=1m max=2m
#include "bench.h"

#include <malloc.h>

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 64);
    size_t min = option("min", 40 << 10);
    size_t max = option("max", 200 << 10);
    size_t n = option_work("n", 100000000);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    for (size_t i = 0; i < live; i++)
        blocks[i] = block_new(random_range(&random, min, max), i);
    double begin = now();
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t usable = malloc_usable_size(blocks[i % live].at);
        least = usable < least ? usable : least;
    }
    double seconds = now() - begin;
    require(least >= min, "a usable size");
    for (size_t i = 0; i < live; i++)
        block_end(blocks[i], i);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
