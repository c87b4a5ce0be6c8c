// Large: random replace of few blocks of 1 to 32 MiB, each page written once.
//
// Matrices, frames, files read at once. Nearly all of the time is the OS's: page faults, and mapping and unmapping
// where an allocator does that for each block. The synthetic workload of Wilson et al., "Dynamic Storage Allocation:
// A Survey and Critical Review", IWMM 1995, at the sizes of mappings.
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 8);
    size_t min = option("min", 1 << 20);
    size_t max = option("max", 32 << 20);
    size_t n = option_work("n", 800);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    for (size_t i = 0; i < live; i++)
        blocks[i] = block_new(random_log(&random, min, max), i);
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        size_t k = random_below(&random, live);
        block_end(blocks[k], k);
        blocks[k] = block_new_pages(random_log(&random, min, max), k);
    }
    double seconds = now() - begin;
    for (size_t i = 0; i < live; i++)
        block_end(blocks[i], i);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
