// Batch: live blocks are allocated, then all are freed in the order of their age, in the opposite order, or at
// random.
//
// Stacks, queues and programs that build a structure and drop it. The order decides how soon neighbours meet again
// and can merge, and how a free list is ordered for the next batch (Wilson, Johnstone, Neely, Boles, "Dynamic
// Storage Allocation: A Survey and Critical Review", IWMM 1995, on the orders of free lists).
//
// bench: batch_fifo order=fifo
// bench: batch_lifo order=lifo
// bench: batch
// bench: batch_64 order=fifo live=20000 min=64 max=64
// bench: batch_lifo_million order=lifo live=1000000 min=24 max=24
#include "bench.h"

enum order { FIFO, LIFO, RANDOM };

static size_t victim(enum order order, const uint32_t *shuffled, size_t live, size_t i)
{
    return order == FIFO ? i : order == LIFO ? live - 1 - i : shuffled[i];
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *word = option_word("order", "random");
    enum order order = !strcmp(word, "fifo") ? FIFO : !strcmp(word, "lifo") ? LIFO : RANDOM;
    if (order == RANDOM && strcmp(word, "random"))
        fail(2, "order= is one of fifo, lifo, random, not ", word);
    size_t live = option("live", 10000);
    size_t min = option("min", 16);
    size_t max = option("max", 128);
    size_t n = option_work("n", 40000000);
    options_end();

    uint64_t random = random_seed(0);
    struct block *blocks = present(calloc(live, sizeof *blocks));
    uint32_t *shuffled = present(calloc(live, sizeof *shuffled));
    shuffle(&random, shuffled, live);
    size_t rounds = n / live ? n / live : 1;
    double begin = now();
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < live; i++)
            blocks[i] = block_new(random_range(&random, min, max), i ^ round);
        if (round == rounds - 1)
            for (size_t i = 0; i < live; i++)
                block_check(blocks[i], i ^ round);
        for (size_t i = 0; i < live; i++)
            free(blocks[victim(order, shuffled, live, i)].at);
    }
    double seconds = now() - begin;
    free(shuffled);
    free(blocks);
    print_result(rounds * live, seconds);
    return 0;
}
