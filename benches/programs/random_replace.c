// Random replace: one of the live blocks is freed, and one of 1..max bytes is allocated in its place.
//
// The steady state of a program with a working set in its simplest form: the synthetic workload of the allocation
// literature, sizes and lifetimes random and independent (Wilson, Johnstone, Neely, Boles, "Dynamic Storage
// Allocation: A Survey and Critical Review", IWMM 1995, which also says what it does not show). set= names four
// working sets, from the L1 cache to memory.
//
// bench: random_replace_l1 set=l1
// bench: random_replace
// bench: random_replace_many set=many
// bench: random_replace_gib set=gib
#include "bench.h"

static const struct {
    const char *name;
    size_t live, max, n;
} SETS[] = {
    {"l1", 64, 256, 70000000},
    {"small", 1024, 512, 55000000},
    {"many", 100000, 512, 7000000},
    {"gib", 1 << 19, 4096, 900000},
};

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *set = option_word("set", "small");
    size_t s = 0, sets = sizeof SETS / sizeof *SETS;
    while (s < sets && strcmp(SETS[s].name, set))
        s++;
    if (s == sets)
        fail(2, "set= is one of l1, small, many, gib, not ", set);
    bool less = quick && SETS[s].live > 100000; // filling a GiB would be most of the time
    size_t live = option("live", less ? SETS[s].live / 8 : SETS[s].live);
    size_t max = option("max", SETS[s].max);
    size_t n = option_work("n", SETS[s].n);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    for (size_t i = 0; i < live; i++)
        blocks[i] = block_new(random_range(&random, 1, max), i);
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        size_t k = random_below(&random, live);
        free(blocks[k].at);
        blocks[k] = block_new(random_range(&random, 1, max), k);
    }
    double seconds = now() - begin;
    for (size_t i = 0; i < live; i++)
        block_end(blocks[i], i);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
