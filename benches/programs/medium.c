// Medium: random replace of 1 to 256 KiB, every page of which is written.
//
// Buffers, images, tables: above the small sizes that caches serve, around the size from which on blocks are mapped.
// It tests the search for a fit, splitting and merging, and how often pages go back to the OS and come again. The
// synthetic workload of Wilson et al., "Dynamic Storage Allocation: A Survey and Critical Review", IWMM 1995, at
// sizes where it is seldom measured.
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 256);
    size_t min = option("min", 1 << 10);
    size_t max = option("max", 256 << 10);
    size_t n = option_work("n", 1800000);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    for (size_t i = 0; i < live; i++)
        blocks[i] = block_new_pages(random_log(&random, min, max), i);
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
