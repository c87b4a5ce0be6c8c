// Crowd: many threads, each of which has some small blocks and replaces them at random; all end together.
//
// As in servers with a thread for each client. Memory that an allocator keeps for each thread counts that many
// times.
#include "bench.h"

struct worker {
    size_t n, live, min, max, number;
    pthread_barrier_t *all;
};

static void work(void *argument)
{
    struct worker w = *(struct worker *)argument;
    uint64_t random = random_seed(w.number);
    struct block *blocks = present(calloc(w.live, sizeof *blocks));
    for (size_t i = 0; i < w.live; i++)
        blocks[i] = block_new(random_range(&random, w.min, w.max), i);
    for (size_t i = 0; i < w.n; i++) {
        size_t k = random_below(&random, w.live);
        block_end(blocks[k], k);
        blocks[k] = block_new(random_range(&random, w.min, w.max), k);
    }
    pthread_barrier_wait(w.all);
    for (size_t i = 0; i < w.live; i++)
        block_end(blocks[i], i);
    free(blocks);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 64);
    size_t live = option("live", 500);
    size_t min = option("min", 16);
    size_t max = option("max", 512);
    size_t n = option_work("n", 6400000);
    options_end();

    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, (unsigned)threads);
    struct worker *workers = present(calloc(threads, sizeof *workers));
    for (size_t i = 0; i < threads; i++)
        workers[i] = (struct worker){n / threads, live, min, max, i, &all};
    double seconds = run_threads(threads, work, workers, sizeof *workers);
    free(workers);
    print_result(n / threads * threads, seconds);
    return 0;
}
