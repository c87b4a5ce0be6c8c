// Cutoff: few blocks, of sizes around the one from which on an allocator maps. Every page of them is written.
//
// Where that size is fixed, or follows what is freed, a program with buffers of just that size may pay for a mapping
// each time. The oldest block is replaced. Sizes are random, or the least and the greatest in turns.
//
// bench: cutoff_turns sizes=turns min=255k max=257k
// bench: cutoff sizes=random min=200k max=320k
// bench: cutoff_live sizes=random min=200k max=320k live=16
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *word = option_word("sizes", "random");
    bool turns = !strcmp(word, "turns");
    if (!turns && strcmp(word, "random"))
        fail(2, "sizes= is one of turns, random, not ", word);
    size_t live = option("live", 1);
    size_t min = option("min", 200 << 10);
    size_t max = option("max", 320 << 10);
    size_t n = option_work("n", 500000);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        size_t k = i % live;
        if (i >= live)
            block_end(blocks[k], k);
        blocks[k] = block_new_pages(!turns ? random_range(&random, min, max) : i % 2 ? max : min, k);
    }
    double seconds = now() - begin;
    for (size_t k = 0; k < live && k < n; k++)
        block_end(blocks[k], k);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
