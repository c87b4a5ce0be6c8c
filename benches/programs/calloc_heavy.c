// Calloc heavy: random replace by calloc of 16 bytes to 64 KiB.
//
// Every block is checked to be zero and then made dirty, in every 64 bytes. Memory that was used before has to be
// cleared, memory fresh from the OS need not be, and the workload pays for knowing the one from the other. The
// synthetic workload of Wilson et al., "Dynamic Storage Allocation: A Survey and Critical Review", IWMM 1995.
#include "bench.h"

enum { STEP = 64 };

// `mark` is not zero, so that it is seen if it is still there.
static struct block zeroed(size_t size, size_t mark)
{
    struct block b = {present(calloc(1, size)), size};
    unsigned char seen = b.at[size - 1];
    b.at[size - 1] = (unsigned char)mark;
    for (size_t i = 0; i < size - 1; i += STEP) {
        seen |= b.at[i];
        b.at[i] = (unsigned char)mark;
    }
    require(!seen, "calloc gave a block that is not zero");
    return b;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 1024);
    size_t min = option("min", 16);
    size_t max = option("max", 64 << 10);
    size_t n = option_work("n", 2000000);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    for (size_t i = 0; i < live; i++)
        blocks[i] = zeroed(random_log(&random, min, max), i | 1);
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        size_t k = random_below(&random, live);
        free(blocks[k].at);
        blocks[k] = zeroed(random_log(&random, min, max), k | 1);
    }
    double seconds = now() - begin;
    for (size_t i = 0; i < live; i++)
        block_end(blocks[i], i | 1);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
